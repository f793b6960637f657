"""A plugin in Python's standard library: SECRET=whsec_… python3 examples/plugins/plugin.py 9001"""
import base64, hashlib, hmac, json, os, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KEY = base64.b64decode(os.environ["SECRET"].removeprefix("whsec_"))

class Plugin(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        signed = f"{self.headers['webhook-id']}.{self.headers['webhook-timestamp']}.".encode() + body
        expected = "v1," + base64.b64encode(hmac.digest(KEY, signed, hashlib.sha256)).decode()
        if not any(hmac.compare_digest(expected, given) for given in self.headers["webhook-signature"].split()):
            return self.answer(401, {})
        address = json.loads(body)["order"]["destination"].get("address") or {}
        if address.get("postalCode", "").startswith("560"):
            return self.answer(200, {"verdict": "PASS"})
        self.answer(200, {"verdict": "REJECT", "reasons": [{"code": "NOT_SERVICEABLE", "message": "nobody goes there"}]})

    def answer(self, status, value):
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(value).encode())

ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Plugin).serve_forever()
