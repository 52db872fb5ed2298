# SPDX-License-Identifier: Apache-2.0
# cmake -D OUTPUT=C_FILE -D CHART_JS=FILE -P embed.cmake -- FILE...
# Writes the tables of api/web.h: index.html as /, style.css, the .js files joined as /app.js,
# the chart library as /chart.js, and openapi.json.
set(arrays "")
set(table "")

function(embed name path type)
  set(hex "")
  foreach(file IN LISTS ARGN)
    file(READ "${file}" part HEX)
    string(APPEND hex "${part}")
  endforeach()
  string(SHA256 hash "${hex}")
  string(SUBSTRING ${hash} 0 32 hash)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  # Lines of 18 bytes, for whoever looks at it.
  string(REPEAT "0x..," 18 line)
  string(REGEX REPLACE "(${line})" "\\1\n    " bytes "${bytes}")

  string(APPEND arrays "static const uint8_t ${name}[] = {\n    ${bytes}\n};\n")
  string(APPEND table "    { \"${path}\", \"${type}\",\n"
      "      ${name}, sizeof(${name}), \"\\\"${hash}\\\"\" },\n")
  set(arrays "${arrays}" PARENT_SCOPE)
  set(table "${table}" PARENT_SCOPE)
endfunction()

set(files "")
math(EXPR last "${CMAKE_ARGC} - 1")
foreach(i RANGE ${last})
  list(APPEND files "${CMAKE_ARGV${i}}")
endforeach()
list(FIND files "--" dashes)
math(EXPR first "${dashes} + 1")
list(SUBLIST files ${first} -1 files)
set(page ${files})
set(style ${files})
set(script ${files})
set(openapi ${files})
list(FILTER page INCLUDE REGEX "[.]html$")
list(FILTER style INCLUDE REGEX "[.]css$")
list(FILTER script INCLUDE REGEX "[.]js$")
list(FILTER openapi INCLUDE REGEX "[.]json$")

embed(page / "text/html; charset=utf-8" ${page})
embed(script /app.js "text/javascript; charset=utf-8" ${script})
embed(style /style.css "text/css; charset=utf-8" ${style})
embed(chart /chart.js "text/javascript; charset=utf-8" "${CHART_JS}")
embed(openapi /openapi.json application/json ${openapi})

file(WRITE ${OUTPUT}
"/* Made by api/web/embed.cmake. */
#include \"api/web.h\"

${arrays}
const struct web_file web_files[] = {
${table}};
const size_t web_n_files = sizeof(web_files) / sizeof(web_files[0]);
")
