/* SPDX-License-Identifier: Apache-2.0 */
#include "api/csv.h"

#include <math.h>
#include <string.h>

void csv_text(struct buf *body, const char *text)
{
    if (text[strcspn(text, ",\"\r\n")] == '\0') {
        buf_text(body, text);
        return;
    }
    buf_char(body, '"');
    for (; *text != '\0'; text++) {
        if (*text == '"')
            buf_char(body, '"');
        buf_char(body, *text);
    }
    buf_char(body, '"');
}

void csv_number(struct buf *body, double value)
{
    if (isfinite(value))
        buf_number(body, value);
}
