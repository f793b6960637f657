// Runs the audits of `graphql-http` against a server; see audit.sh.
import { auditServer } from 'graphql-http';

const results = await auditServer({ url: process.argv[2] });
let failed = 0;
const passed = {};
for (const { id, name, status, reason } of results) {
    const level = name.split(' ')[0];
    if (status === 'ok') {
        passed[level] = (passed[level] ?? 0) + 1;
        continue;
    }
    console.log(`${id} ${status}: ${name}: ${reason}`);
    if (level !== 'MAY') failed += 1;
}
console.log(`${results.length} audits; passed: ${Object.entries(passed).map(([level, count]) => `${count} ${level}`).join(', ')}`);
process.exitCode = failed ? 1 : 0;
