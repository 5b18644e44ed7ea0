"""What each shop knew of a customer's wish about marketing becomes the first entry of his ledger."""

from django.db import migrations

COPY = """
WITH entry AS (
    INSERT INTO profiles_consent
        (profile_id, shop_id, channel, purpose, answer, is_incidental, source, answered_at, recorded_at)
    SELECT profile_id, shop_id, 'email', 'marketing',
           CASE WHEN accepts_marketing THEN 'granted' ELSE 'withdrawn' END, true, 'order', since, now()
    FROM profiles_profileshop WHERE accepts_marketing IS NOT NULL
    RETURNING id, profile_id, shop_id, answer
)
INSERT INTO profiles_consentstate (profile_id, shop_id, channel, purpose, stand)
SELECT profile_id, shop_id, 'email', 'marketing',
       CASE WHEN answer = 'granted' THEN 0 ELSE 2 END * 1000000000000000 + id
FROM entry
"""
BACK = """
UPDATE profiles_profileshop s SET accepts_marketing = (c.stand < 1000000000000000)
FROM profiles_consentstate c
WHERE c.profile_id = s.profile_id AND c.shop_id = s.shop_id
  AND c.channel = 'email' AND c.purpose = 'marketing';
DELETE FROM profiles_consentstate;
DELETE FROM profiles_consent;
"""
# What merges removed is brought back by their undo: such rows get the values of new columns.
JOURNAL = """
UPDATE profiles_mergeentry
SET before = before || '{"stage": "", "is_stage_fixed": false, "owner_id": null}'
WHERE holding = 'profiles.profileshop' AND kind = 'removed'
"""


class Migration(migrations.Migration):
    dependencies = [("profiles", "0008_knowledge")]

    operations = [
        migrations.RunSQL(COPY, BACK),
        migrations.RunSQL(JOURNAL, migrations.RunSQL.noop),
    ]
