// oneDNN 3: layouts are opaque and owned, a primitive is described at once.
#pragma once

// An owned description.
typedef struct {
  dnnl_memory_desc_t description;
} shim_layout;
typedef const_dnnl_memory_desc_t shim_description;
enum { shim_no_implementation_left = dnnl_last_impl_reached };

static inline shim_layout *shim_layout_with_tag(
    int rank, const dnnl_dim_t *extents, dnnl_data_type_t type, dnnl_format_tag_t tag) {
  shim_layout *layout = (shim_layout *)calloc(1, sizeof(shim_layout));
  if (dnnl_memory_desc_create_with_tag(&layout->description, rank, extents, type, tag) == dnnl_success) return layout;
  free(layout);
  return NULL;
}
static inline shim_layout *shim_layout_copy(shim_description description) {
  shim_layout *layout = (shim_layout *)calloc(1, sizeof(shim_layout));
  if (description) dnnl_memory_desc_clone(&layout->description, description);
  return layout;
}
static inline void shim_layout_destroy(shim_layout *layout) {
  if (layout->description) dnnl_memory_desc_destroy(layout->description);
  free(layout);
}
static inline shim_description shim_described(const shim_layout *layout) { return layout ? layout->description : NULL; }
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
static inline dnnl_data_type_t shim_data_type(shim_description description) {
  dnnl_data_type_t type = dnnl_data_type_undef;
  dnnl_memory_desc_query(description, dnnl_query_data_type, &type);
  return type;
}

static inline void shim_append_sum(dnnl_post_ops_t operations) {
  dnnl_post_ops_append_sum(operations, 1, 0, dnnl_data_type_undef);
}
static inline void shim_append_relu(dnnl_post_ops_t operations) {
  dnnl_post_ops_append_eltwise(operations, dnnl_eltwise_relu, 0, 0);
}

static inline dnnl_status_t shim_create_forward(
    dnnl_primitive_desc_t *description, dnnl_engine_t engine, const shim_layout *source, const shim_layout *weights,
    const shim_layout *bias, const shim_layout *destination, const shim_window *window,
    dnnl_primitive_attr_t attributes) {
  return dnnl_convolution_forward_primitive_desc_create(
      description, engine, dnnl_forward_training, dnnl_convolution_direct, shim_described(source),
      shim_described(weights), shim_described(bias), shim_described(destination), window->strides, window->dilations,
      window->padding_before, window->padding_after, attributes);
}
static inline dnnl_status_t shim_create_backward_data(
    dnnl_primitive_desc_t *description, dnnl_engine_t engine, const shim_layout *source_gradient,
    const shim_layout *weights, const shim_layout *destination_gradient, const shim_window *window,
    const_dnnl_primitive_desc_t forward, dnnl_primitive_attr_t attributes) {
  return dnnl_convolution_backward_data_primitive_desc_create(
      description, engine, dnnl_convolution_direct, shim_described(source_gradient), shim_described(weights),
      shim_described(destination_gradient), window->strides, window->dilations, window->padding_before,
      window->padding_after, forward, attributes);
}
static inline dnnl_status_t shim_create_backward_weights(
    dnnl_primitive_desc_t *description, dnnl_engine_t engine, const shim_layout *source,
    const shim_layout *weights_gradient, const shim_layout *bias_gradient, const shim_layout *destination_gradient,
    const shim_window *window, const_dnnl_primitive_desc_t forward, dnnl_primitive_attr_t attributes) {
  return dnnl_convolution_backward_weights_primitive_desc_create(
      description, engine, dnnl_convolution_direct, shim_described(source), shim_described(weights_gradient),
      shim_described(bias_gradient), shim_described(destination_gradient), window->strides, window->dilations,
      window->padding_before, window->padding_after, forward, attributes);
}
