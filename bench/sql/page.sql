-- The limit of the page: the same rows, whole as the server reads them, in two statements. `:ids` are the 20 newest
-- orders, found beforehand, as a server knows them from the first statement.
SELECT * FROM platform_order WHERE tenant_id = 'default' ORDER BY id DESC LIMIT 20;
SELECT * FROM work_order WHERE tenant_id = 'default' AND order_id = ANY(:ids::uuid[]) ORDER BY order_id, sequence;
