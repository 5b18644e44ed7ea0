"""What Django's models can't say: the audit log only grows, and a shop speaks its main language."""

from django.db import migrations

REFUSE = """
CREATE FUNCTION company_auditentry_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'The audit log is append-only.' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER company_auditentry_append_only BEFORE UPDATE OR DELETE ON company_auditentry
    FOR EACH ROW EXECUTE FUNCTION company_auditentry_refuse();

CREATE FUNCTION company_audithead_advance() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR NEW.position <> OLD.position + 1 THEN
        RAISE EXCEPTION 'The audit log only moves forward.' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER company_audithead_advance_only BEFORE UPDATE OR DELETE ON company_audithead
    FOR EACH ROW EXECUTE FUNCTION company_audithead_advance();
"""
ALLOW = """
DROP TRIGGER company_audithead_advance_only ON company_audithead;
DROP FUNCTION company_audithead_advance();
DROP TRIGGER company_auditentry_append_only ON company_auditentry;
DROP FUNCTION company_auditentry_refuse();
"""


class Migration(migrations.Migration):
    dependencies = [("company", "0001_initial")]

    operations = [
        migrations.RunSQL(REFUSE, ALLOW),
        migrations.RunSQL(
            "ALTER TABLE company_shop ADD CONSTRAINT company_shop_speaks_main_language"
            " CHECK (default_language = ANY (languages))",
            "ALTER TABLE company_shop DROP CONSTRAINT company_shop_speaks_main_language",
        ),
    ]
