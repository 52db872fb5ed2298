-- SPDX-License-Identifier: Apache-2.0
-- wrk script: the same request over and over.
--   wrk ... -s request.lua URL -- METHOD BODY_FILE [NAME VALUE]...
-- An empty BODY_FILE: without a body. Ends with two lines for bench_http.py: requests,
-- duration and latencies in us; failures.

function init(args)
   wrk.method = args[1]
   if args[2] ~= "" then
      local file = assert(io.open(args[2], "rb"))
      wrk.body = file:read("*a")
      file:close()
   end
   for i = 3, #args, 2 do
      wrk.headers[args[i]] = args[i + 1]
   end
end

function done(summary, latency)
   local e = summary.errors
   print(string.format("RESULT %d %d %.0f %.0f %.0f", summary.requests, summary.duration,
                       latency:percentile(50), latency:percentile(99), latency.max))
   print(string.format("FAILED connect %d, read %d, write %d, status %d, timeout %d",
                       e.connect, e.read, e.write, e.status, e.timeout))
end
