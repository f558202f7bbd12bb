# The runtime room and the worker processes. A worker links the protocol and nothing else of ours.
find_program(PROTOC protoc REQUIRED)
set(WIRE_DIR ${CMAKE_BINARY_DIR})
add_custom_command(
  OUTPUT ${WIRE_DIR}/wire.pb.cc ${WIRE_DIR}/wire.pb.h
  COMMAND ${PROTOC} --cpp_out=${WIRE_DIR} -I ${CMAKE_SOURCE_DIR}/fuzzer/runtime wire.proto
  DEPENDS ${CMAKE_SOURCE_DIR}/fuzzer/runtime/wire.proto)
add_library(mob_wire STATIC ${WIRE_DIR}/wire.pb.cc ${WIRE_DIR}/wire.pb.h)
target_include_directories(mob_wire SYSTEM PUBLIC ${WIRE_DIR})

add_executable(mobster-onnxruntime-worker fuzzer/runtime/onnxruntime_worker_main.cc)
target_include_directories(mobster-onnxruntime-worker SYSTEM PRIVATE ${MOBSTER_CACHE}/onnxruntime-header)
target_link_libraries(mobster-onnxruntime-worker PRIVATE mob_flags mob_wire protobuf::libprotobuf-lite ${CMAKE_DL_LIBS})

mob_room(runtime FOLDERS fuzzer/runtime LINKS mob_graph mob_wire)
mob_room(oracles FOLDERS oracles LINKS mob_reference mob_runtime)
mob_room(generator FOLDERS fuzzer/generator fuzzer/generator/motifs LINKS mob_reference)
mob_room(mutators FOLDERS mutators LINKS mob_generator)
mob_room(probes FOLDERS fuzzer/probes LINKS mob_runtime mob_generator nlohmann_json::nlohmann_json)
mob_room(triage FOLDERS fuzzer/triage fuzzer/triage/shrink fuzzer/triage/neighbours LINKS mob_oracles mob_probes mob_mutators nlohmann_json::nlohmann_json)

# The script that goes with every finding stands in the program as text.
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/corpus/repro.py)
file(READ ${CMAKE_SOURCE_DIR}/corpus/repro.py REPRO_PY)
file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/repro_py.h @ONLY
     CONTENT "#pragma once\nnamespace mob {\ninline constexpr char kReproPy[] = R\"REPRO(@REPRO_PY@)REPRO\";\n}\n")
find_package(pugixml REQUIRED)
find_package(LibArchive REQUIRED)
mob_room(corpus FOLDERS corpus LINKS mob_triage nlohmann_json::nlohmann_json pugixml::pugixml LibArchive::LibArchive)

find_path(SOCI_INCLUDE soci/soci.h REQUIRED)
find_library(SOCI_CORE soci_core REQUIRED)
find_library(SOCI_SQLITE3 soci_sqlite3 REQUIRED)
# SOCI's libraries hide the type information that this check of UBSan's wants to see.
set_source_files_properties(${CMAKE_SOURCE_DIR}/fuzzer/campaign/journal.cc PROPERTIES COMPILE_OPTIONS -fno-sanitize=vptr)
mob_room(campaign FOLDERS fuzzer/campaign
         LINKS mob_corpus mob_mutators TBB::tbb ${SOCI_SQLITE3} ${SOCI_CORE} sqlite3)

# The page of reports, one text each of its HTML, its style and its scripts (in this order).
set(PAGE_JS)
set(PAGE_FILES report.html report.css words.js drawing.js tensors.js finding.js table.js overview.js report.js)
foreach(file ${PAGE_FILES})
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/fuzzer/report/page/${file})
  file(READ ${CMAKE_SOURCE_DIR}/fuzzer/report/page/${file} PAGE_TEXT)
  if(file MATCHES "js$")
    string(APPEND PAGE_JS "${PAGE_TEXT}")
  elseif(file MATCHES "css$")
    set(PAGE_CSS "${PAGE_TEXT}")
  else()
    set(PAGE_HTML "${PAGE_TEXT}")
  endif()
endforeach()
file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/report_page.h @ONLY
     CONTENT "#pragma once\nnamespace mob {\ninline constexpr char kReportHtml[] = R\"PAGE(@PAGE_HTML@)PAGE\";\ninline constexpr char kReportCss[] = R\"PAGE(@PAGE_CSS@)PAGE\";\ninline constexpr char kReportJs[] = R\"PAGE(@PAGE_JS@)PAGE\";\n}\n")
find_package(ZLIB REQUIRED)
mob_room(report FOLDERS fuzzer/report LINKS mob_campaign ZLIB::ZLIB)

mob_room(cli FOLDERS fuzzer/cli LINKS mob_report CLI11::CLI11)
add_executable(mobster fuzzer/cli/main.cc)
target_link_libraries(mobster PRIVATE mob_cli)
add_dependencies(mobster mobster-onnxruntime-worker)

# Figures: each file in bench/ is a program of its own. Sanitizers have no use for them.
option(MOBSTER_BENCHES "build bench/" ON)
if(NOT MOBSTER_BENCHES)
  return()
endif()
file(GLOB bench_files CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/bench/*.cc)
foreach(file ${bench_files})
  get_filename_component(bench_name ${file} NAME_WE)
  add_executable(bench_${bench_name} ${file})
  target_link_libraries(bench_${bench_name} PRIVATE mob_cli)
endforeach()
