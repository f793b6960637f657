-- Fills the tables of tenant `default` with `:orders` orders of three work orders, as if the server had taken them in.
-- Ids ascend as UUIDv7 do: 48 bits of time, here `:base` plus the order's number, then the version and constant digits.

\set ON_ERROR_STOP on
BEGIN;

-- For create.sql: a UUIDv7 of this transaction's time. `number` keeps the ids of one transaction apart, `random` those
-- of different ones (60 bits).
CREATE FUNCTION bench_id(number int, random bigint) RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT ('0' || to_hex((extract(epoch FROM now()) * 1000)::bigint) || '700' || to_hex(number) || '8'
        || lpad(to_hex(random), 15, '0'))::uuid
$$;

INSERT INTO platform_order (
    tenant_id, id, client_id, client_order_id, client_name, type, domain, batch_id, ready_to_process, flow,
    consignee, destination, summary, custom_attributes, status, phase, outcome, cancellation,
    lifecycle_version, version, created_at, created_by, updated_at, updated_by)
SELECT
    'default', ('0' || to_hex(:base + n) || '70008000000000000000')::uuid,
    'mirchi-mart', 'LOAD-' || n, 'Mirchi Mart', 'PARCEL', 'E_COMMERCE', NULL, true, 'START_TOGETHER',
    :'consignee', :'destination', :'summary', replace(:'order_attributes', '@', lpad(n::text, 8, '0')),
    'IN_PROGRESS', 'ACTIVE', NULL, NULL,
    1, 3, at, 'system', at, 'system'
FROM generate_series(1, :orders) AS n, LATERAL (SELECT to_timestamp((:base + n) / 1000.0) AS at) AS time;

INSERT INTO work_order (
    tenant_id, id, order_id, sequence, type, direction, return_of, description, pickup, delivery, return_to,
    containers, pickup_quality_checks, collect_on_pickup, collect_on_delivery, custom_attributes,
    status, phase, outcome, attempts, started,
    lifecycle_version, version, created_at, created_by, updated_at, updated_by)
SELECT
    'default', ('0' || to_hex(:base + n) || '7001800000000000000' || sequence)::uuid,
    ('0' || to_hex(:base + n) || '70008000000000000000')::uuid, sequence, 'MOVE_CONTAINERS', 'FORWARD', NULL,
    'Parcel ' || sequence, :'pickup', :'delivery', NULL,
    :'containers', '[]', NULL, NULL, replace(:'work_order_attributes', '@', lpad(n::text, 8, '0')),
    'CREATED', 'PENDING', NULL, 0, false,
    1, 1, at, 'system', at, 'system'
FROM generate_series(1, :orders) AS n, generate_series(1, 3) AS sequence,
    LATERAL (SELECT to_timestamp((:base + n) / 1000.0) AS at) AS time;

INSERT INTO event (
    tenant_id, position, id, type, order_id, work_order_id, client_id, from_status, to_status, transition,
    reason_code, note, actor, changes, entity_version, plugin_run_id, depth, occurred_at, recorded_at)
SELECT
    'default', n, ('0' || to_hex(:base + n) || '70028000000000000000')::uuid, 'ORDER_CREATED',
    ('0' || to_hex(:base + n) || '70008000000000000000')::uuid, NULL, 'mirchi-mart', NULL, 'INITIATED', NULL,
    NULL, NULL, 'system', NULL, 1, NULL, 0, at, at
FROM generate_series(1, :orders) AS n, LATERAL (SELECT to_timestamp((:base + n) / 1000.0) AS at) AS time;

INSERT INTO event_head (tenant_id, position) VALUES ('default', :orders)
ON CONFLICT (tenant_id) DO UPDATE SET position = excluded.position;

COMMIT;

VACUUM (ANALYZE) platform_order, work_order, event, event_head, idempotency_key;
CHECKPOINT;
