# One library per folder of userspace/. A layer's headers are reached only through the libraries it links
# (`#include "util/result.hpp"` resolves in a directory that holds nothing but a link to userspace/util), so an
# include against the layers does not build.
#
#   guideway_layer(NAME SOURCES a.cpp ... LINKS guideway_lower ...)     called in userspace/NAME/CMakeLists.txt
function(guideway_layer name)
  cmake_parse_arguments(LAYER "" "" "SOURCES;LINKS" ${ARGN})
  set(window ${CMAKE_BINARY_DIR}/layers/${name})
  file(MAKE_DIRECTORY ${window})
  file(CREATE_LINK ${CMAKE_SOURCE_DIR}/userspace/${name} ${window}/${name} SYMBOLIC)
  add_library(guideway_${name} STATIC ${LAYER_SOURCES})
  target_include_directories(guideway_${name} PUBLIC ${window})
  target_link_libraries(guideway_${name} PUBLIC ${LAYER_LINKS})
endfunction()
