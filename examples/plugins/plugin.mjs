// A plugin in Node's standard library: SECRET=whsec_… node examples/plugins/plugin.mjs 9002
import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

const key = Buffer.from(process.env.SECRET.replace("whsec_", ""), "base64");

createServer(async (request, response) => {
  const body = Buffer.concat(await request.toArray());
  const { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signatures } = request.headers;
  const expected = Buffer.from(`v1,${createHmac("sha256", key).update(`${id}.${timestamp}.`).update(body).digest("base64")}`);
  const same = (given) => given.length === expected.length && timingSafeEqual(given, expected);
  if (!signatures.split(" ").some((given) => same(Buffer.from(given)))) {
    return response.writeHead(401).end("{}");
  }
  const served = JSON.parse(body).order.destination.address?.postalCode?.startsWith("560");
  const reject = { verdict: "REJECT", reasons: [{ code: "NOT_SERVICEABLE", message: "nobody goes there" }] };
  response.end(JSON.stringify(served ? { verdict: "PASS" } : reject));
}).listen(Number(process.argv[2]), "127.0.0.1");
