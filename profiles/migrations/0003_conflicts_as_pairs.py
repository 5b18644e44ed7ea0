from django.db import migrations

# What was noted as a conflict of identifiers is a suggestion now. The way back leaves nothing behind:
# conflicts are noted again with the next contact.
PAIRS = """
INSERT INTO profiles_duplicatepair (low_id, high_id, score, reasons, state, found_at)
SELECT least(c.profile_id, i.profile_id), greatest(c.profile_id, i.profile_id), 60,
       array_agg(DISTINCT CASE i.kind WHEN 'email' THEN 'same_email' WHEN 'phone' THEN 'same_phone'
                                      ELSE 'same_id' END),
       CASE WHEN bool_or(c.state = 'open') THEN 'open' ELSE 'different' END, min(c.seen_at)
FROM profiles_identityconflict c JOIN profiles_identifier i ON i.id = c.identifier_id
WHERE c.profile_id <> i.profile_id
GROUP BY 1, 2
ON CONFLICT DO NOTHING
"""


class Migration(migrations.Migration):
    dependencies = [("profiles", "0002_identity")]

    operations = [migrations.RunSQL(PAIRS, "DELETE FROM profiles_duplicatepair")]
