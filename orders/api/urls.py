from django.urls import path

from orders.api.views import OrderBatchView, OrderListView, OrderView

urlpatterns = [
    path("orders", OrderListView.as_view(), name="api-order-list"),
    path("orders/batch", OrderBatchView.as_view(), name="api-order-batch"),
    path("orders/<path:external_id>", OrderView.as_view(), name="api-order-detail"),
]
