from django.urls import path

from profiles.web import confirming

app_name = "profiles-public"

urlpatterns = [path("<str:token>/", confirming.consent_confirm, name="consent-confirm")]
