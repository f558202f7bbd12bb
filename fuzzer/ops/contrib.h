// Operators of ONNX Runtime's own domains, by their documentation: put together from standard ones. They are
// evaluated and never drawn - they stand in optimized models, which the reference reads to tell an
// optimizer's fault from a kernel's.
#pragma once

#include <type_traits>

#include "fuzzer/ops/kernels.h"

namespace mob::ops {

inline constexpr std::string_view kMicrosoft = "com.microsoft";
inline constexpr int kInnerOpset = 23;  // of the standard operators within

// One standard operator applied to given tensors (null: left out).
std::vector<Expected> apply_all(const Inference& outer, std::string op, std::vector<Attribute> attributes,
                                const std::vector<const Expected*>& inputs, std::size_t outputs,
                                int opset = kInnerOpset);
Expected apply(const Inference& outer, std::string op, std::vector<Attribute> attributes,
               const std::vector<const Expected*>& inputs, int opset = kInnerOpset);

// --- the node ------------------------------------------------------------------------------------------

// Null where it is left out.
const Expected* optional_input(const Inference& inf, std::size_t i);
void copy_attributes(const Node& from, std::initializer_list<std::string_view> names,
                     std::vector<Attribute>& to);

// --- tensors ---------------------------------------------------------------------------------------------

// A number that stands in an attribute, as a scalar of type `t`: kernels may round it.
Expected factor(DType t, double v);
// The same elements in another shape.
Expected reshaped(Expected x, Dims dims);
Expected transposed(const Inference& inf, const Expected& x, std::vector<std::int64_t> permutation);
// [from, to) along an axis.
Expected part(const Inference& inf, const Expected& x, std::int64_t axis, std::int64_t from, std::int64_t to);
// [N, C, spatial...] of [N, spatial..., C], and back.
Expected channels_first(const Inference& inf, const Expected& x);
Expected channels_last(const Inference& inf, const Expected& x);
// With bounds for `roundings` more of each element: a term that `roundings` sums carry along.
Expected widened(Expected x, std::int64_t roundings);

// --- fused convolutions ------------------------------------------------------------------------------------

// The function that the attribute `activation` names, with its parameters in `activation_params` (Conv); x
// itself without the attribute.
Expected activated(const Inference& inf, Expected x);
// activated(Conv(x, w, input 2) + z), with the node's attributes; z may be null.
Expected convolved(const Inference& inf, const Expected& x, const Expected& w, const Expected* z);

// --- specs -------------------------------------------------------------------------------------------------

// An operator whose outputs `Compose(const Inference&)` makes: an Expected, or one per output.
template <auto Compose>
std::vector<Expected> compose(const Inference& inf) {
  if constexpr (std::is_same_v<decltype(Compose(inf)), Expected>) {
    std::vector<Expected> y;
    y.push_back(Compose(inf));
    return y;
  } else {
    return Compose(inf);
  }
}
template <auto Compose>
void infer_composed(Inference& inf) {
  const std::vector<Expected> y = compose<Compose>(inf);
  for (std::size_t i = 0; i < y.size(); ++i) inf.set_output(i, y[i].type);
}
template <auto Compose>
void evaluate_composed(Evaluation& ev) {
  std::vector<Expected> y = compose<Compose>(ev);
  for (std::size_t i = 0; i < y.size() && i < ev.output_count(); ++i) ev.output(i) = std::move(y[i]);
}
template <auto Compose>
constexpr OpSpec composed(std::string_view name, std::string_view domain = kMicrosoft) {
  return {.name = name,
          .domain = domain,
          .infer = infer_composed<Compose>,
          .evaluate = evaluate_composed<Compose>};
}

}  // namespace mob::ops
