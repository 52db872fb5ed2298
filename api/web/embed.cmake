# SPDX-License-Identifier: Apache-2.0
# cmake -D OUTPUT=C_FILE -D CHART_JS=FILE -P embed.cmake -- FILE...
# Writes the tables of api/web.h. A file is served under its name, index.html as /, the chart
# library as /chart.js.
set(type_html "text/html; charset=utf-8")
set(type_js "text/javascript; charset=utf-8")
set(type_css "text/css; charset=utf-8")
set(type_svg "image/svg+xml")
set(arrays "")
set(table "")
set(n_files 0)

function(embed path file)
  string(REGEX REPLACE "^.*[.]" "" extension "${file}")
  if(NOT DEFINED type_${extension})
    message(FATAL_ERROR "${file}: no content type is known for .${extension}")
  endif()
  file(READ "${file}" hex HEX)
  file(SHA256 "${file}" hash)
  string(SUBSTRING ${hash} 0 32 hash)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  # Lines of 18 bytes, for whoever looks at it.
  string(REPEAT "0x..," 18 line)
  string(REGEX REPLACE "(${line})" "\\1\n    " bytes "${bytes}")

  string(APPEND arrays "static const uint8_t file_${n_files}[] = {\n    ${bytes}\n};\n")
  string(APPEND table "    { \"${path}\", \"${type_${extension}}\",\n"
      "      file_${n_files}, sizeof(file_${n_files}), \"\\\"${hash}\\\"\" },\n")
  math(EXPR n_files "${n_files} + 1")
  set(arrays "${arrays}" PARENT_SCOPE)
  set(table "${table}" PARENT_SCOPE)
  set(n_files ${n_files} PARENT_SCOPE)
endfunction()

set(seen_dashes FALSE)
math(EXPR last "${CMAKE_ARGC} - 1")
foreach(i RANGE ${last})
  if(seen_dashes)
    get_filename_component(name "${CMAKE_ARGV${i}}" NAME)
    if(name STREQUAL "index.html")
      set(name "")
    endif()
    embed("/${name}" "${CMAKE_ARGV${i}}")
  elseif(CMAKE_ARGV${i} STREQUAL "--")
    set(seen_dashes TRUE)
  endif()
endforeach()
embed("/chart.js" "${CHART_JS}")

file(WRITE ${OUTPUT}
"/* Made by api/web/embed.cmake. */
#include \"api/web.h\"

${arrays}
const struct web_file web_files[] = {
${table}};
const size_t web_n_files = sizeof(web_files) / sizeof(web_files[0]);
")
