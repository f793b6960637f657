-- What wrk sends, and how it checks what comes back.
--
--   wrk … -s http.lua URL -- TEMPLATE MUST_CONTAIN [VALUES | PREFIX]
--
-- TEMPLATE is a file with the body of the request. Every `@` in it is replaced: by a random line of the file VALUES, or,
-- if that is not a file, by PREFIX and a number that is used once. An answer is right if its status is 200, it has no
-- `errors`, and it contains MUST_CONTAIN. The last line that is printed is `RESULT` and the figures as JSON.

local threads = {}

function setup(thread)
    thread:set("number", #threads)
    table.insert(threads, thread)
end

function init(args)
    wrk.method = "POST"
    wrk.headers["Content-Type"] = "application/json"
    wrong, right, sample, used = 0, 0, "", 0
    must_contain = args[2]

    local template = assert(io.open(args[1])):read("*a")
    pieces = {}
    for piece in (template .. "@"):gmatch("(.-)@") do
        table.insert(pieces, piece)
    end
    constant = #pieces == 1 and wrk.format(nil, nil, nil, template)

    local file = args[3] and io.open(args[3])
    if file then
        values = {}
        for line in file:lines() do
            table.insert(values, line)
        end
    end
    prefix = args[3]
    math.randomseed(os.time() + number)
end

function request()
    if constant then
        return constant
    end
    local value
    if values then
        value = values[math.random(#values)]
    else
        used = used + 1
        value = prefix .. "-" .. number .. "-" .. used
    end
    return wrk.format(nil, nil, nil, table.concat(pieces, value))
end

function response(status, headers, body)
    if status == 200 and body:find(must_contain, 1, true) and not body:find('"errors":', 1, true) then
        right = right + 1
    else
        if wrong == 0 then
            sample = status .. " " .. body:sub(1, 500)
        end
        wrong = wrong + 1
    end
end

function done(summary, latency, requests)
    local right, wrong, sample = 0, 0, ""
    for _, thread in ipairs(threads) do
        right = right + thread:get("right")
        wrong = wrong + thread:get("wrong")
        sample = sample .. thread:get("sample")
    end
    local broken = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
    print(string.format(
        'RESULT {"right": %d, "wrong": %d, "broken": %d, "seconds": %f, "bytes": %d, "p50_ms": %f, "p99_ms": %f, "sample": "%s"}',
        right, wrong, broken, summary.duration / 1e6, summary.bytes,
        latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
        sample:gsub("[%c\\]", " "):gsub('"', "'")))
end
