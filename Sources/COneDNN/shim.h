// oneDNN behind the few calls that this package makes, from version 2.6 on. What version 3 renamed or made opaque stands in
// version2.h and version3.h under the same names; nothing above this target knows which one was included.
#pragma once
#include <oneapi/dnnl/dnnl.h>
#include <oneapi/dnnl/dnnl_version.h>
#include <stdlib.h>

// Rows and columns of a convolution's window; a dilation of 0 has no gaps.
typedef struct {
  dnnl_dim_t strides[2];
  dnnl_dim_t dilations[2];
  dnnl_dim_t padding_before[2];
  dnnl_dim_t padding_after[2];
} shim_window;

#if DNNL_VERSION_MAJOR >= 3
#include "version3.h"
#else
#include "version2.h"
#endif

enum {
  shim_plain = 0,
  shim_blocked8 = 1,
  shim_blocked16 = 2,
  shim_any = 3,
  shim_channels_last = 4,
  shim_weight_blocked8 = 5,
  shim_weight_blocked16 = 6,
  shim_outputs_blocked8 = 7,
  shim_outputs_blocked16 = 8,
  shim_groups_blocked8 = 9,
  shim_groups_blocked16 = 10
};
enum {
  shim_arg_src = DNNL_ARG_SRC,
  shim_arg_dst = DNNL_ARG_DST,
  shim_arg_weights = DNNL_ARG_WEIGHTS,
  shim_arg_bias = DNNL_ARG_BIAS,
  shim_arg_diff_src = DNNL_ARG_DIFF_SRC,
  shim_arg_diff_dst = DNNL_ARG_DIFF_DST,
  shim_arg_diff_weights = DNNL_ARG_DIFF_WEIGHTS,
  shim_arg_diff_bias = DNNL_ARG_DIFF_BIAS,
  shim_arg_scratchpad = DNNL_ARG_SCRATCHPAD,
  shim_arg_from = DNNL_ARG_FROM,
  shim_arg_to = DNNL_ARG_TO
};

// A layout of `rank` extents, of floats or of bfloat16: activations (N, C, H, W), weights (O, I, H, W), those of groups
// (G, O, I, H, W), or vectors (C).
static inline shim_layout *shim_layout_create(int rank, const dnnl_dim_t *extents, int kind, int is_bfloat16) {
  dnnl_format_tag_t tag = dnnl_format_tag_any;
  if (kind == shim_plain) tag = rank == 1 ? dnnl_a : rank == 4 ? dnnl_abcd : dnnl_abcde;
  if (kind == shim_blocked8) tag = dnnl_aBcd8b;
  if (kind == shim_blocked16) tag = dnnl_aBcd16b;
  if (kind == shim_channels_last) tag = dnnl_acdb;
  if (kind == shim_outputs_blocked8) tag = dnnl_Abcd8a;
  if (kind == shim_outputs_blocked16) tag = dnnl_Abcd16a;
  if (kind == shim_groups_blocked8) tag = dnnl_Abcde8a;
  if (kind == shim_groups_blocked16) tag = dnnl_Abcde16a;
  if (kind == shim_weight_blocked8) tag = dnnl_OIhw8i8o;
  if (kind == shim_weight_blocked16) tag = dnnl_OIhw16i16o;
  return shim_layout_with_tag(rank, extents, is_bfloat16 ? dnnl_bf16 : dnnl_f32, tag);
}
static inline int shim_layout_equal(const shim_layout *a, const shim_layout *b) {
  return dnnl_memory_desc_equal(shim_described(a), shim_described(b));
}
static inline size_t shim_layout_bytes(const shim_layout *layout) {
  return dnnl_memory_desc_get_size(shim_described(layout));
}
static inline shim_description shim_argument(const_dnnl_primitive_desc_t description, int argument) {
  return dnnl_primitive_desc_query_md(description, dnnl_query_exec_arg_md, argument);
}
// The layout that a primitive wants for an argument; one without extents where it takes none.
static inline shim_layout *shim_layout_of(const_dnnl_primitive_desc_t description, int argument) {
  return shim_layout_copy(shim_argument(description, argument));
}
static inline int shim_is_float(const_dnnl_primitive_desc_t description, int argument) {
  shim_description found = shim_argument(description, argument);
  return found && shim_data_type(found) == dnnl_f32;
}
static inline const char *shim_implementation(const_dnnl_primitive_desc_t description) {
  const char *name = "";
  dnnl_primitive_desc_query(description, dnnl_query_impl_info_str, 0, &name);
  return name;
}

static inline dnnl_primitive_attr_t shim_user_scratchpad(void) {
  dnnl_primitive_attr_t attributes = NULL;
  dnnl_primitive_attr_create(&attributes);
  dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user);
  return attributes;
}

// With `adds` the result is y plus what the destination holds; with `rectifies` it is then max(0, y).
static inline dnnl_status_t shim_convolution_forward(
    dnnl_primitive_desc_t *description, dnnl_engine_t engine, int adds, int rectifies,
    const shim_layout *source, const shim_layout *weights, const shim_layout *bias, const shim_layout *destination,
    shim_window window) {
  dnnl_primitive_attr_t attributes = shim_user_scratchpad();
  if (adds || rectifies) {
    dnnl_post_ops_t following = NULL;
    dnnl_post_ops_create(&following);
    if (adds) shim_append_sum(following);
    if (rectifies) shim_append_relu(following);
    dnnl_primitive_attr_set_post_ops(attributes, following);
    dnnl_post_ops_destroy(following);
  }
  dnnl_status_t status =
      shim_create_forward(description, engine, source, weights, bias, destination, &window, attributes);
  dnnl_primitive_attr_destroy(attributes);
  return status;
}

static inline dnnl_status_t shim_convolution_backward_data(
    dnnl_primitive_desc_t *description, dnnl_engine_t engine, const shim_layout *source_gradient,
    const shim_layout *weights, const shim_layout *destination_gradient, shim_window window,
    const_dnnl_primitive_desc_t forward) {
  dnnl_primitive_attr_t attributes = shim_user_scratchpad();
  dnnl_status_t status = shim_create_backward_data(
      description, engine, source_gradient, weights, destination_gradient, &window, forward, attributes);
  dnnl_primitive_attr_destroy(attributes);
  return status;
}

static inline dnnl_status_t shim_convolution_backward_weights(
    dnnl_primitive_desc_t *description, dnnl_engine_t engine, const shim_layout *source,
    const shim_layout *weights_gradient, const shim_layout *bias_gradient, const shim_layout *destination_gradient,
    shim_window window, const_dnnl_primitive_desc_t forward) {
  dnnl_primitive_attr_t attributes = shim_user_scratchpad();
  dnnl_status_t status = shim_create_backward_weights(
      description, engine, source, weights_gradient, bias_gradient, destination_gradient, &window, forward, attributes);
  dnnl_primitive_attr_destroy(attributes);
  return status;
}

static inline dnnl_status_t shim_reorder(
    dnnl_primitive_desc_t *description, dnnl_engine_t engine, const shim_layout *from, const shim_layout *to) {
  dnnl_primitive_attr_t attributes = shim_user_scratchpad();
  dnnl_status_t status = dnnl_reorder_primitive_desc_create(
      description, shim_described(from), engine, shim_described(to), engine, attributes);
  dnnl_primitive_attr_destroy(attributes);
  return status;
}

static inline dnnl_engine_t shim_cpu_engine(void) {
  dnnl_engine_t engine = NULL;
  dnnl_engine_create(&engine, dnnl_cpu, 0);
  return engine;
}
static inline dnnl_stream_t shim_stream(dnnl_engine_t engine) {
  dnnl_stream_t stream = NULL;
  dnnl_stream_create(&stream, engine, dnnl_stream_default_flags);
  return stream;
}
// A memory object for an argument, without data; its handle is set when the plan is placed.
static inline dnnl_memory_t shim_memory(
    const_dnnl_primitive_desc_t description, int argument, dnnl_engine_t engine) {
  dnnl_memory_t memory = NULL;
  dnnl_memory_create(&memory, shim_argument(description, argument), engine, DNNL_MEMORY_NONE);
  return memory;
}
static inline dnnl_status_t shim_memory_place(dnnl_memory_t memory, void *data) {
  return dnnl_memory_set_data_handle(memory, data);
}
// Whether the processor and DNNL_MAX_CPU_ISA let oneDNN multiply bfloat16 in hardware.
static inline int shim_has_bfloat16(void) {
  dnnl_cpu_isa_t isa = dnnl_get_effective_cpu_isa();
  return (isa & dnnl_cpu_isa_avx512_core_bf16) == dnnl_cpu_isa_avx512_core_bf16;
}
// Whether the processor and DNNL_MAX_CPU_ISA let oneDNN use AVX-512.
static inline int shim_has_avx512(void) {
  dnnl_cpu_isa_t isa = dnnl_get_effective_cpu_isa();
  return (isa & dnnl_cpu_isa_avx512_core) == dnnl_cpu_isa_avx512_core;
}
// Keeps oneDNN from using AVX-512; refused once it has looked at the processor.
static inline dnnl_status_t shim_limit_to_avx2(void) { return dnnl_set_max_cpu_isa(dnnl_cpu_isa_avx2); }
static inline const char *shim_status_name(dnnl_status_t status) {
  switch (status) {
    case dnnl_success: return "success";
    case dnnl_out_of_memory: return "out of memory";
    case dnnl_invalid_arguments: return "invalid arguments";
    case dnnl_unimplemented: return "no implementation for these shapes and layouts";
    case shim_no_implementation_left: return "no implementation left";
    case dnnl_runtime_error: return "run-time error";
    default: return "not required";
  }
}
