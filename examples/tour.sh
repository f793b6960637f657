#!/bin/sh
# shellcheck disable=SC2016 # the variables in documents are GraphQL's
# The README's tour: a plugin, an order, its work orders, its history. Run it from the top of the checkout while a server
# and the example plugin run (see README.md); it needs curl.

set -eu

WAYBILL=${WAYBILL:-http://127.0.0.1:8080}
PLUGIN=${PLUGIN:-http://127.0.0.1:9000/}

# gql DOCUMENT [VARIABLES]: prints what the server answers.
gql() {
    printf '{"query": "%s", "variables": %s}' "$1" "${2:-null}" |
        curl -sS "$WAYBILL/graphql" -H 'content-type: application/json' -d @-
    echo
}

# first PREFIX: the first id with that prefix in what is read.
first() {
    grep -o "$1_[0-9a-z]\{26\}" | head -n 1
}

# say TEXT…: a line between the answers.
say() {
    printf '\n# %s\n' "$*"
}

transition='mutation($id: ID!, $event: String!) { workOrderTransition(input: {id: $id, event: $event}) {
    workOrder { status order { status outcome } } userErrors { code message } } }'
transition=$(printf %s "$transition" | tr -d '\n')

say 'A plugin is asked about every order that comes in'
created=$(gql 'mutation($http: HttpPluginInput!, $name: String!) { pluginCreate(input: {name: $name, http: $http}) { plugin { id } userErrors { code message } } }' \
    "{\"name\": \"serviceability-$$\", \"http\": {\"url\": \"$PLUGIN\"}}")
echo "$created"
plugin=$(echo "$created" | first plg)
gql 'mutation($input: PluginWorkflowCreateInput!) { pluginWorkflowCreate(input: $input) { pluginWorkflow { id } userErrors { code message } } }' \
    "{\"input\": {\"name\": \"intake\", \"trigger\": \"ORDER_INITIATED\", \"start\": \"check\", \"steps\": [{\"name\": \"check\", \"pluginId\": \"$plugin\"}]}}"

say 'An order of two work orders, one after the other: deliver an air conditioner, then install it'
created=$(gql 'mutation($input: OrderCreateInput!) { orderCreate(input: $input) { order { id status workOrders { id type } } userErrors { path message } } }' \
    "{\"input\": $(cat examples/orders/deliver-then-install.json)}")
echo "$created"
order=$(echo "$created" | first ord)
deliver=$(echo "$created" | first wo)
install=$(echo "$created" | sed "s/$deliver//" | first wo)

say 'The plugin is asked at once; then the order waits for its work orders'
while gql 'query($id: ID!) { order(id: $id) { status } }' "{\"id\": \"$order\"}" | grep -q INITIATED; do sleep 0.1; done
gql 'query($id: ID!) { order(id: $id) { status statusExplanation } }' "{\"id\": \"$order\"}"

say 'The installation cannot start before the delivery is done'
gql "$transition" "{\"id\": \"$install\", \"event\": \"START\"}"

say 'Deliver, install: the order follows'
for step in "$deliver START" "$deliver COMPLETE" "$install START" "$install COMPLETE"; do
    gql "$transition" "{\"id\": \"${step% *}\", \"event\": \"${step#* }\"}"
done

say 'What happened, and who did it'
gql 'query($id: ID!) { order(id: $id) { events { nodes { type transition toStatus actor } } } }' "{\"id\": \"$order\"}" |
    sed 's/},{/},\n {/g'
