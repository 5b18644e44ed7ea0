from __future__ import annotations

import pytest
from cryptography.fernet import Fernet
from django.test import override_settings

from ecrm.kernel.checks import settings_fit_together


def faults() -> list[str]:
    return [message.id for message in settings_fit_together()]


def test_sound_settings_pass():
    with override_settings(ECRM_FIELD_KEYS=[Fernet.generate_key().decode()]):
        assert faults() == []


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        ({"SECRET_KEY": "short"}, "ecrm.E001"),
        ({"ECRM_DEMO": True, "ECRM_BASE_URL": "https://crm.example.com"}, "ecrm.E002"),
        ({"ECRM_FIELD_KEYS": ["no key"]}, "ecrm.E003"),
    ],
)
def test_a_mistake_in_the_settings_keeps_the_product_from_starting(wrong, fault):
    with override_settings(**wrong):
        assert faults() == [fault]
