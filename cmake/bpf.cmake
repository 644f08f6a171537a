# Compiles bpf/NAME.bpf.c for the BPF target and makes NAME.skel.h, the skeleton that embeds the object.
#
#   guideway_bpf_program(NAME)     ->  target NAME_skeleton, struct NAME_bpf
find_program(BPF_CLANG NAMES clang-19 REQUIRED)
find_program(BPF_STRIP NAMES llvm-strip-19 REQUIRED)
find_program(BPFTOOL NAMES bpftool PATHS /usr/sbin /sbin REQUIRED)

function(guideway_bpf_program name)
  set(source ${CMAKE_CURRENT_SOURCE_DIR}/${name}.bpf.c)
  set(output ${CMAKE_BINARY_DIR}/bpf)
  file(MAKE_DIRECTORY ${output})
  add_custom_command(
    OUTPUT ${output}/${name}.bpf.o
    COMMAND ${BPF_CLANG} -target bpf -mcpu=v3 -O2 -g -std=gnu11 -Wall -Wextra -Werror
            -fno-strict-aliasing
            -I ${CMAKE_SOURCE_DIR}/include -I /usr/include/${CMAKE_LIBRARY_ARCHITECTURE}
            -MMD -MF ${name}.d -MT ${output}/${name}.bpf.o
            -c ${source} -o ${output}/${name}.bpf.o
    COMMAND ${BPF_STRIP} -g ${output}/${name}.bpf.o
    DEPENDS ${source}
    DEPFILE ${name}.d
    VERBATIM)
  add_custom_command(
    OUTPUT ${output}/${name}.skel.h
    COMMAND ${BPFTOOL} gen skeleton ${output}/${name}.bpf.o name ${name}_bpf > ${output}/${name}.skel.h
    DEPENDS ${output}/${name}.bpf.o
    VERBATIM)
  add_custom_target(${name}_skeleton DEPENDS ${output}/${name}.skel.h)
endfunction()
