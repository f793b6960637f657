-- A stricter limit than order.sql: of the same rows only the columns that the query asks for.
\set n random(1, :orders)
SELECT id, client_order_id, status, phase, outcome, version, created_at, custom_attributes
FROM platform_order
WHERE tenant_id = 'default' AND id = ('0' || to_hex(:base::bigint + :n) || '70008000000000000000')::uuid;
SELECT id, order_id, sequence, type, status, phase, outcome, custom_attributes
FROM work_order
WHERE tenant_id = 'default' AND order_id = ('0' || to_hex(:base::bigint + :n) || '70008000000000000000')::uuid
ORDER BY sequence;
