"""The ledger is the one place for wishes, and only grows."""

from django.db import migrations

REFUSE = """
CREATE FUNCTION profiles_consent_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('ecrm.erasure', true) = 'on' THEN
        RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
    END IF;
    -- A merge and its undo move an entry to another profile and leave what it says.
    IF TG_OP = 'UPDATE' AND to_jsonb(NEW) - 'profile_id' = to_jsonb(OLD) - 'profile_id' THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'The ledger of consents is append-only.' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER profiles_consent_append_only BEFORE UPDATE OR DELETE ON profiles_consent
    FOR EACH ROW EXECUTE FUNCTION profiles_consent_refuse();

CREATE FUNCTION profiles_consentwording_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- A version named before its words were known may get them once.
    IF TG_OP = 'UPDATE' AND OLD.text = ''
        AND to_jsonb(NEW) - 'text' = to_jsonb(OLD) - 'text' THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'The wording of a consent is never changed.' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER profiles_consentwording_append_only BEFORE UPDATE OR DELETE ON profiles_consentwording
    FOR EACH ROW EXECUTE FUNCTION profiles_consentwording_refuse();
"""
ALLOW = """
DROP TRIGGER profiles_consentwording_append_only ON profiles_consentwording;
DROP FUNCTION profiles_consentwording_refuse();
DROP TRIGGER profiles_consent_append_only ON profiles_consent;
DROP FUNCTION profiles_consent_refuse();
"""


class Migration(migrations.Migration):
    dependencies = [("profiles", "0009_wishes_as_consents")]

    operations = [
        migrations.RemoveField(model_name="profileshop", name="accepts_marketing"),
        migrations.RunSQL(REFUSE, ALLOW),
    ]
