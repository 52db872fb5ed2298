-- SPDX-License-Identifier: Apache-2.0
-- wrk script: the same POST over and over.
--   wrk ... -s post.lua URL -- BODY_FILE CONTENT_TYPE
-- Ends with two lines for bench_http.py: requests, duration and latencies in us; failures.

function init(args)
   local file = assert(io.open(args[1], "rb"))
   wrk.method = "POST"
   wrk.body = file:read("*a")
   wrk.headers["Content-Type"] = args[2]
   file:close()
end

function done(summary, latency)
   local e = summary.errors
   print(string.format("RESULT %d %d %.0f %.0f %.0f", summary.requests, summary.duration,
                       latency:percentile(50), latency:percentile(99), latency.max))
   print(string.format("FAILED connect %d, read %d, write %d, status %d, timeout %d",
                       e.connect, e.read, e.write, e.status, e.timeout))
end
