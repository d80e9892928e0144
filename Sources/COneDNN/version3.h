// oneDNN 3: layouts are opaque and owned, a primitive is described at once.
#pragma once

// An owned description.
typedef struct {
  dnnl_memory_desc_t description;
} shim_layout;
enum { shim_no_implementation_left = dnnl_last_impl_reached };

static inline shim_layout *shim_layout_with_tag(
    int rank, const dnnl_dim_t *extents, dnnl_data_type_t type, dnnl_format_tag_t tag) {
  shim_layout *layout = (shim_layout *)calloc(1, sizeof(shim_layout));
  if (dnnl_memory_desc_create_with_tag(&layout->description, rank, extents, type, tag) == dnnl_success) return layout;
  free(layout);
  return NULL;
}
static inline void shim_layout_destroy(shim_layout *layout) {
  if (layout->description) dnnl_memory_desc_destroy(layout->description);
  free(layout);
}
static inline int shim_layout_equal(const shim_layout *a, const shim_layout *b) {
  return dnnl_memory_desc_equal(a->description, b->description);
}
static inline int shim_layout_rank(const shim_layout *layout) {
  int rank = 0;
  dnnl_memory_desc_query(layout->description, dnnl_query_ndims_s32, &rank);
  return rank;
}
static inline dnnl_dim_t shim_layout_extent(const shim_layout *layout, int axis) {
  dnnl_dims_t *extents = NULL;
  dnnl_memory_desc_query(layout->description, dnnl_query_dims, &extents);
  return (*extents)[axis];
}
static inline size_t shim_layout_bytes(const shim_layout *layout) {
  return dnnl_memory_desc_get_size(layout->description);
}

// The layout that a primitive wants for an argument; one without extents where it takes none.
static inline shim_layout *shim_layout_of(const_dnnl_primitive_desc_t description, int argument) {
  const_dnnl_memory_desc_t found = dnnl_primitive_desc_query_md(description, dnnl_query_exec_arg_md, argument);
  shim_layout *layout = (shim_layout *)calloc(1, sizeof(shim_layout));
  if (found) dnnl_memory_desc_clone(&layout->description, found);
  return layout;
}
static inline int shim_is_float(const_dnnl_primitive_desc_t description, int argument) {
  const_dnnl_memory_desc_t found = dnnl_primitive_desc_query_md(description, dnnl_query_exec_arg_md, argument);
  dnnl_data_type_t type = dnnl_data_type_undef;
  return found && dnnl_memory_desc_query(found, dnnl_query_data_type, &type) == dnnl_success && type == dnnl_f32;
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
    if (adds) dnnl_post_ops_append_sum(following, 1, 0, dnnl_data_type_undef);
    if (rectifies) dnnl_post_ops_append_eltwise(following, dnnl_eltwise_relu, 0, 0);
    dnnl_primitive_attr_set_post_ops(attributes, following);
    dnnl_post_ops_destroy(following);
  }
  dnnl_status_t status = dnnl_convolution_forward_primitive_desc_create(
      description, engine, dnnl_forward_training, dnnl_convolution_direct, source->description, weights->description,
      bias ? bias->description : NULL, destination->description, window.strides, window.dilations,
      window.padding_before, window.padding_after, attributes);
  dnnl_primitive_attr_destroy(attributes);
  return status;
}

static inline dnnl_status_t shim_convolution_backward_data(
    dnnl_primitive_desc_t *description, dnnl_engine_t engine, const shim_layout *source_gradient,
    const shim_layout *weights, const shim_layout *destination_gradient, shim_window window,
    const_dnnl_primitive_desc_t forward) {
  dnnl_primitive_attr_t attributes = shim_user_scratchpad();
  dnnl_status_t status = dnnl_convolution_backward_data_primitive_desc_create(
      description, engine, dnnl_convolution_direct, source_gradient->description, weights->description,
      destination_gradient->description, window.strides, window.dilations, window.padding_before,
      window.padding_after, forward, attributes);
  dnnl_primitive_attr_destroy(attributes);
  return status;
}

static inline dnnl_status_t shim_convolution_backward_weights(
    dnnl_primitive_desc_t *description, dnnl_engine_t engine, const shim_layout *source,
    const shim_layout *weights_gradient, const shim_layout *bias_gradient, const shim_layout *destination_gradient,
    shim_window window, const_dnnl_primitive_desc_t forward) {
  dnnl_primitive_attr_t attributes = shim_user_scratchpad();
  dnnl_status_t status = dnnl_convolution_backward_weights_primitive_desc_create(
      description, engine, dnnl_convolution_direct, source->description, weights_gradient->description,
      bias_gradient ? bias_gradient->description : NULL, destination_gradient->description, window.strides,
      window.dilations, window.padding_before, window.padding_after, forward, attributes);
  dnnl_primitive_attr_destroy(attributes);
  return status;
}

static inline dnnl_status_t shim_reorder(
    dnnl_primitive_desc_t *description, dnnl_engine_t engine, const shim_layout *from, const shim_layout *to) {
  dnnl_primitive_attr_t attributes = shim_user_scratchpad();
  dnnl_status_t status =
      dnnl_reorder_primitive_desc_create(description, from->description, engine, to->description, engine, attributes);
  dnnl_primitive_attr_destroy(attributes);
  return status;
}
