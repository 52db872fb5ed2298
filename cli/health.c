/* SPDX-License-Identifier: Apache-2.0 */
/* health.c - `spinbnn health`: 0 or 1, as a container's HEALTHCHECK wants it. */
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/report.h"

#include <stdlib.h>

enum { LIVE };

static const struct option options[] = {
    [LIVE] = { .name = "live",
               .help = "ask only whether the process answers, not whether its models are "
                       "ready" },
    { .name = NULL },
};

static int run(const struct cli *cli, const struct option_value *values, char **args,
               size_t n_args)
{
    const struct request ask = { .method = "GET",
                                 .path = values[LIVE].given ? "/v2/health/live"
                                                            : "/v2/health/ready" };
    struct client *client = NULL;
    struct reply reply;

    (void)args;
    (void)n_args;
    int code = client_open(cli, &client);
    if (code != EXIT_SUCCESS)
        return code;

    bool healthy = client_call(client, &ask, false, "health", &reply);
    if (cli->json)
        printf("{\"%s\":%s}\n", values[LIVE].given ? "live" : "ready",
               healthy ? "true" : "false");
    else if (healthy)
        puts(values[LIVE].given ? "live" : "ready");
    reply_done(&reply);
    client_close(client);
    return healthy ? EXIT_SUCCESS : EXIT_FAILURE;
}

const struct command health_command = {
    .name = "health",
    .args = "",
    .summary = "exit with 0 if the daemon is ready to serve, else with 1",
    .about =
        "Made for health checks: any trouble, an unreachable daemon too, is exit\n"
        "status 1. A daemon that drains before it stops is live but no longer ready.\n",
    .examples = "  spinbnn health && echo up\n"
                "  HEALTHCHECK CMD [\"spinbnn\", \"health\", \"--timeout\", \"2\"]\n",
    .options = options,
    .run = run,
};
