"""Addresses of the frame: home, search, notifications, preferences, operators' pages."""

from __future__ import annotations

from django.urls import path

from backoffice.web import deliveries, design, lists, views

app_name = "backoffice"
urlpatterns = [
    path("", views.home, name="home"),
    path("search/", views.search, name="search"),
    path("shortcuts/", views.shortcuts, name="shortcuts"),
    path("rail/", views.rail, name="rail"),
    path("shop/", views.shop_choose, name="shop-choose"),
    path("preferences/", views.preferences_set, name="preferences-set"),
    path("presence/", views.presence_set, name="presence-set"),
    path("notifications/", views.notifications, name="notifications"),
    path("notifications/read/", views.notifications_read, name="notifications-read"),
    path("notifications/<int:pk>/open/", views.notification_open, name="notification-open"),
    path("views/", lists.view_save, name="view-save"),
    path("views/<int:pk>/delete/", lists.view_delete, name="view-delete"),
    path("columns/", lists.columns_choose, name="columns-choose"),
    path("settings/", views.settings_index, name="settings"),
    path("settings/deliveries/", deliveries.delivery_list, name="deliveries"),
    path("settings/deliveries/retry/", deliveries.delivery_retry, name="deliveries-retry"),
    path("settings/deliveries/discard/", deliveries.delivery_discard, name="deliveries-discard"),
    path("settings/deliveries/<int:pk>/", deliveries.delivery_detail, name="delivery-detail"),
    path("design/", design.components, name="design"),
]
