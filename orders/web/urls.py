from django.urls import path

from orders.web import views

app_name = "orders"
urlpatterns = [
    path("", views.order_list, name="order-list"),
    path("export/", views.order_export, name="order-export"),
    path("<int:order_id>/", views.order_page, name="order-page"),
]
