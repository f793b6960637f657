#!/bin/sh
# shellcheck disable=SC2016 # the variables in documents are GraphQL's
# The README's tour: a plugin, a dashboard, five orders and what becomes of them. Run it from the top of the checkout while
# a server and the example plugin run (see README.md); it needs curl.

set -eu

WAYBILL=${WAYBILL:-http://127.0.0.1:8080}
PLUGIN=${PLUGIN:-http://127.0.0.1:9000/}

# gql DOCUMENT [VARIABLES]: prints what the server answers, but for what it cost.
gql() {
    printf '{"query": "%s", "variables": %s}' "$1" "${2:-null}" |
        curl -sS "$WAYBILL/graphql" -H 'content-type: application/json' -d @- |
        sed 's/,"extensions":{"cost":[0-9]*}//'
    echo
}

# ids PREFIX: the ids with that prefix in what is read, a line each.
ids() {
    grep -o "$1_[0-9a-z]\{26\}"
}

# say TEXT…: a line between the answers.
say() {
    printf '\n# %s\n' "$*"
}

# create NAME: creates the order of examples/orders/NAME.json, waits until the plugin has let it in, and leaves its work
# orders' ids in $first and $second. A key of the tour's own lets it be run again.
create() {
    created=$(gql 'mutation($input: OrderCreateInput!) { orderCreate(input: $input) { order { id clientOrderId status workOrders { id type } } userErrors { path message } } }' \
        "{\"input\": $(sed "s/\"idempotencyKey\": \"[^\"]*/&-$$/" "examples/orders/$1.json")}")
    echo "$created"
    order=$(echo "$created" | ids ord)
    first=$(echo "$created" | ids wo | sed -n 1p)
    second=$(echo "$created" | ids wo | sed -n 2p)
    while gql 'query($id: ID!) { order(id: $id) { status } }' "{\"id\": \"$order\"}" | grep -q INITIATED; do sleep 0.1; done
}

# move ID EVENT…: fires events on a work order.
move() {
    work_order=$1
    shift
    for event in "$@"; do
        gql 'mutation($id: ID!, $event: String!) { workOrderTransition(input: {id: $id, event: $event}) { workOrder { status order { status outcome } } userErrors { code message } } }' \
            "{\"id\": \"$work_order\", \"event\": \"$event\"}"
    done
}

# work_orders: what the order and its work orders have come to, a line each.
work_orders() {
    gql 'query($id: ID!) { order(id: $id) { status outcome statusExplanation workOrders { type direction status } } }' "{\"id\": \"$order\"}" |
        sed 's/\[{/[\n {/; s/},{/},\n {/g'
}

seen=$(mktemp)
curl -sSN "$WAYBILL/graphql" -H 'content-type: application/json' -H 'accept: text/event-stream' >"$seen" \
    -d '{"query": "subscription { orderStatusChanged { order { clientOrderId } fromStatus toStatus transition } }"}' &
dashboard=$!
trap 'kill $dashboard 2>/dev/null; rm -f "$seen"' EXIT

say 'A plugin is asked about every order that comes in'
created=$(gql 'mutation($http: HttpPluginInput!, $name: String!) { pluginCreate(input: {name: $name, http: $http}) { plugin { id } userErrors { code message } } }' \
    "{\"name\": \"serviceability-$$\", \"http\": {\"url\": \"$PLUGIN\"}}")
echo "$created"
gql 'mutation($input: PluginWorkflowCreateInput!) { pluginWorkflowCreate(input: $input) { pluginWorkflow { id } userErrors { code message } } }' \
    "{\"input\": {\"name\": \"intake\", \"trigger\": \"ORDER_INITIATED\", \"start\": \"check\", \"steps\": [{\"name\": \"check\", \"pluginId\": \"$(echo "$created" | ids plg)\"}]}}"

say 'A parcel, paid on delivery: nobody is at home, then it is delivered'
create cash-on-delivery-parcel
move "$first" START ATTEMPT_FAILED COMPLETE

say 'Deliver an air conditioner, then install it: one after the other'
create deliver-then-install
work_orders
move "$second" START
move "$first" START COMPLETE
move "$second" START COMPLETE

say 'A bed frame and its mattress, one no use without the other: one cannot be delivered, so both go back'
create two-pickups-one-address
move "$first" START
move "$second" START FAIL
work_orders

say 'A KYC visit: identified by video, then at the door'
create kyc-visit
move "$first" START COMPLETE
move "$second" START COMPLETE

say 'A phone goes back to the shop'
create reverse-pickup
move "$first" START COMPLETE

say 'What became of them'
gql '{ orders(first: 5) { nodes { clientOrderId status outcome workOrders { direction status attempts } } } }' |
    sed 's/\[{"cl/[\n {"cl/; s/},{"cl/},\n {"cl/g'

say 'The history of the last one, and who made it'
gql 'query($id: ID!) { order(id: $id) { events { nodes { type transition toStatus actor } } } }' "{\"id\": \"$order\"}" |
    sed 's/\[{/[\n {/; s/},{/},\n {/g'

say 'What the dashboard saw'
for _ in 1 2 3 4 5 6 7 8 9; do
    [ "$(grep -c EXECUTED "$seen")" -lt 4 ] && sleep 0.2
done
sed -n 's/^data: {"data":{"orderStatusChanged"://p' "$seen" | sed 's/}}$//'
