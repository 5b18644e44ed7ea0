from __future__ import annotations

from django.urls import path

from demo.web import gateway, views

app_name = "demo"

urlpatterns = [
    path("mailbox/", views.mailbox_home, name="mailbox"),
    path("mailbox/write/", views.write, name="write"),
    path("mailbox/<int:mail_id>/", views.mail_page, name="mail"),
    path("mailbox/<int:mail_id>/answer/", views.answer, name="answer"),
    path("mailbox/<int:mail_id>/read/", views.mark_read, name="mark-read"),
    path("mailbox/<int:mail_id>/body/", views.mail_body, name="mail-body"),
    path("mailbox/<int:mail_id>/files/<int:position>/", views.mail_file, name="mail-file"),
    path("preferences/", views.preferences, name="preferences"),
    path("sms/", gateway.take, name="sms"),
    path("shop/", views.shop, name="shop"),
]
