# One library per folder of userspace/. A floor's headers are reached only through the libraries it links
# (`#include "util/result.hpp"` resolves in a directory that holds nothing but a link to userspace/util), so an
# include against the floors does not build.
#
#   guideway_floor(NAME SOURCES a.cpp ... LINKS guideway_lower ...)     called in userspace/NAME/CMakeLists.txt
function(guideway_floor name)
  cmake_parse_arguments(FLOOR "" "" "SOURCES;LINKS" ${ARGN})
  set(window ${CMAKE_BINARY_DIR}/floors/${name})
  file(MAKE_DIRECTORY ${window})
  file(CREATE_LINK ${CMAKE_SOURCE_DIR}/userspace/${name} ${window}/${name} SYMBOLIC)
  add_library(guideway_${name} STATIC ${FLOOR_SOURCES})
  target_include_directories(guideway_${name} PUBLIC ${window})
  target_link_libraries(guideway_${name} PUBLIC ${FLOOR_LINKS})
endfunction()
