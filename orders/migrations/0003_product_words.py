from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("orders", "0002_erased_customers")]

    operations = [
        migrations.AddField(
            model_name="orderline",
            name="category",
            field=models.CharField(blank=True, db_default="", default="", max_length=200),
        ),
        migrations.AddField(
            model_name="orderline",
            name="brand",
            field=models.CharField(blank=True, db_default="", default="", max_length=200),
        ),
    ]
