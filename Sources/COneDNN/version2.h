// oneDNN 2: layouts are plain structures, an operation is described before its primitive.
#pragma once

typedef dnnl_memory_desc_t shim_layout;
typedef const dnnl_memory_desc_t *shim_description;
enum { shim_no_implementation_left = dnnl_iterator_ends };

static inline shim_layout *shim_layout_with_tag(
    int rank, const dnnl_dim_t *extents, dnnl_data_type_t type, dnnl_format_tag_t tag) {
  shim_layout *layout = (shim_layout *)calloc(1, sizeof(shim_layout));
  if (dnnl_memory_desc_init_by_tag(layout, rank, extents, type, tag) == dnnl_success) return layout;
  free(layout);
  return NULL;
}
static inline shim_layout *shim_layout_copy(shim_description description) {
  shim_layout *layout = (shim_layout *)calloc(1, sizeof(shim_layout));
  if (description) *layout = *description;
  return layout;
}
static inline void shim_layout_destroy(shim_layout *layout) { free(layout); }
static inline shim_description shim_described(const shim_layout *layout) { return layout; }
static inline int shim_layout_rank(const shim_layout *layout) { return layout->ndims; }
static inline dnnl_dim_t shim_layout_extent(const shim_layout *layout, int axis) { return layout->dims[axis]; }
static inline dnnl_data_type_t shim_data_type(shim_description description) { return description->data_type; }

static inline void shim_append_sum(dnnl_post_ops_t operations) { dnnl_post_ops_append_sum(operations, 1); }
static inline void shim_append_relu(dnnl_post_ops_t operations) {
  dnnl_post_ops_append_eltwise(operations, 1, dnnl_eltwise_relu, 0, 0);
}

static inline dnnl_status_t shim_create_forward(
    dnnl_primitive_desc_t *description, dnnl_engine_t engine, const shim_layout *source, const shim_layout *weights,
    const shim_layout *bias, const shim_layout *destination, const shim_window *window,
    dnnl_primitive_attr_t attributes) {
  dnnl_convolution_desc_t operation;
  dnnl_status_t status = dnnl_dilated_convolution_forward_desc_init(
      &operation, dnnl_forward_training, dnnl_convolution_direct, source, weights, bias, destination, window->strides,
      window->dilations, window->padding_before, window->padding_after);
  return status == dnnl_success ? dnnl_primitive_desc_create(description, &operation, attributes, engine, NULL) : status;
}
static inline dnnl_status_t shim_create_backward_data(
    dnnl_primitive_desc_t *description, dnnl_engine_t engine, const shim_layout *source_gradient,
    const shim_layout *weights, const shim_layout *destination_gradient, const shim_window *window,
    const_dnnl_primitive_desc_t forward, dnnl_primitive_attr_t attributes) {
  dnnl_convolution_desc_t operation;
  dnnl_status_t status = dnnl_dilated_convolution_backward_data_desc_init(
      &operation, dnnl_convolution_direct, source_gradient, weights, destination_gradient, window->strides,
      window->dilations, window->padding_before, window->padding_after);
  return status == dnnl_success ? dnnl_primitive_desc_create(description, &operation, attributes, engine, forward) : status;
}
static inline dnnl_status_t shim_create_backward_weights(
    dnnl_primitive_desc_t *description, dnnl_engine_t engine, const shim_layout *source,
    const shim_layout *weights_gradient, const shim_layout *bias_gradient, const shim_layout *destination_gradient,
    const shim_window *window, const_dnnl_primitive_desc_t forward, dnnl_primitive_attr_t attributes) {
  dnnl_convolution_desc_t operation;
  dnnl_status_t status = dnnl_dilated_convolution_backward_weights_desc_init(
      &operation, dnnl_convolution_direct, source, weights_gradient, bias_gradient, destination_gradient,
      window->strides, window->dilations, window->padding_before, window->padding_after);
  return status == dnnl_success ? dnnl_primitive_desc_create(description, &operation, attributes, engine, forward) : status;
}
