"""The index of orders by day names the order too; made beside whoever writes, then put into the old one's place."""

from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("orders", "0001_initial")]
    operations = [
        AddIndexConcurrently(
            model_name="order",
            index=models.Index(
                fields=["placed_at"],
                include=["profile", "shop", "status", "id"],
                name="orders_order_in_days",
            ),
        ),
        RemoveIndexConcurrently(model_name="order", name="orders_order_of_days"),
    ]
