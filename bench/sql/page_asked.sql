-- A stricter limit than page.sql: of the same rows only the columns that the query asks for.
SELECT id, client_order_id, status, phase, outcome, version, created_at, custom_attributes
FROM platform_order WHERE tenant_id = 'default' ORDER BY id DESC LIMIT 20;
SELECT id, order_id, sequence, type, status, phase, outcome, custom_attributes
FROM work_order WHERE tenant_id = 'default' AND order_id = ANY(:ids::uuid[]) ORDER BY order_id, sequence;
