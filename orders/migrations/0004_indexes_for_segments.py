from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models import Q
from django.db.models.functions import Lower


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("orders", "0003_product_words")]

    operations = [
        AddIndexConcurrently(
            model_name="order",
            index=models.Index(
                fields=["placed_at"],
                include=["profile", "shop", "status"],
                name="orders_order_of_days",
            ),
        ),
        AddIndexConcurrently(
            model_name="orderline",
            index=models.Index(fields=["sku"], include=["order"], name="orders_orderline_of_sku"),
        ),
        AddIndexConcurrently(
            model_name="orderline",
            index=models.Index(
                Lower("category"),
                condition=~Q(category=""),
                name="orders_orderline_of_category",
            ),
        ),
        AddIndexConcurrently(
            model_name="orderline",
            index=models.Index(
                Lower("brand"), condition=~Q(brand=""), name="orders_orderline_of_brand"
            ),
        ),
    ]
