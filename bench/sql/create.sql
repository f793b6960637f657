-- The limit of orderCreate: the same twelve rows in one plain transaction. Documents come in as parameters.
\set r random(0, 1152921504606846975)
BEGIN;
INSERT INTO idempotency_key (tenant_id, key, operation, input_hash, entity_id, event_id, created_at)
VALUES ('default', 'limit-' || :r::bigint, 'orderCreate', sha256('x'), bench_id(0, :r), bench_id(9, :r), now());
INSERT INTO platform_order (
    tenant_id, id, client_id, client_order_id, client_name, type, domain, batch_id, ready_to_process, flow,
    consignee, destination, summary, custom_attributes, status, phase, outcome, cancellation,
    lifecycle_version, version, created_at, created_by, updated_at, updated_by)
VALUES (
    'default', bench_id(0, :r), 'mirchi-mart', 'LIMIT-1', 'Mirchi Mart', 'PARCEL', 'E_COMMERCE', NULL, true,
    'START_TOGETHER', :consignee, :destination, :summary, :order_attributes, 'IN_PROGRESS', 'ACTIVE', NULL, NULL,
    1, 3, now(), 'system', now(), 'system');
INSERT INTO work_order (
    tenant_id, id, order_id, sequence, type, direction, return_of, description, pickup, delivery, return_to,
    containers, pickup_quality_checks, collect_on_pickup, collect_on_delivery, custom_attributes,
    status, phase, outcome, attempts, started,
    lifecycle_version, version, created_at, created_by, updated_at, updated_by)
SELECT
    'default', bench_id(sequence, :r), bench_id(0, :r), sequence, 'MOVE_CONTAINERS', 'FORWARD', NULL,
    'Parcel ' || sequence, :pickup, :delivery, NULL,
    :containers, '[]', NULL, NULL, :work_order_attributes,
    'CREATED', 'PENDING', NULL, 0, false,
    1, 1, now(), 'system', now(), 'system'
FROM (VALUES (1), (2), (3)) AS three (sequence);
INSERT INTO event_head (tenant_id, position) VALUES ('default', 6)
ON CONFLICT (tenant_id) DO UPDATE SET position = event_head.position + excluded.position
RETURNING position AS head \gset
INSERT INTO event (
    tenant_id, position, id, type, order_id, work_order_id, client_id, from_status, to_status, transition,
    reason_code, note, actor, changes, entity_version, plugin_run_id, depth, occurred_at, recorded_at)
SELECT
    'default', :head::bigint - 6 + number, bench_id(number + 3, :r), fact.type, bench_id(0, :r),
    CASE WHEN fact.type = 'WORK_ORDER_CREATED' THEN bench_id(number - 1, :r) END, 'mirchi-mart',
    from_status, to_status, transition, NULL, NULL, 'system', NULL, version, NULL, 0, now(), now()
FROM (VALUES
    (1, 'ORDER_CREATED', NULL, 'INITIATED', NULL, 1),
    (2, 'WORK_ORDER_CREATED', NULL, 'CREATED', NULL, 1),
    (3, 'WORK_ORDER_CREATED', NULL, 'CREATED', NULL, 1),
    (4, 'WORK_ORDER_CREATED', NULL, 'CREATED', NULL, 1),
    (5, 'ORDER_STATUS_CHANGED', 'INITIATED', 'CREATED', 'VALIDATE', 2),
    (6, 'ORDER_STATUS_CHANGED', 'CREATED', 'IN_PROGRESS', 'START', 3)
) AS fact (number, type, from_status, to_status, transition, version);
COMMIT;
