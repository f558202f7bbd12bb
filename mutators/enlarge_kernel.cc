// A filter gets a rim of zeros, and the image as much more padding.
#include "mutators/padding.h"

namespace mob::mutators {
namespace {

struct Site {
  Node old;
  Tensor weight;
};

std::optional<Site> match(const Rewriting& r, const Node& n) {
  if (n.op_type != "Conv") return std::nullopt;
  const auto weight = r.constant(n.inputs[1]);
  if (!own_padding(n, DType::kFloat) || !weight || weight->dims().size() < 3 || weight->count() == 0)
    return std::nullopt;
  return Site{n, *weight};
}

// One zero at both ends of each axis of the kernel.
Tensor rimmed(const Tensor& w, const Choices& choices) {
  Dims dims = w.dims();
  for (std::size_t d = 2; d < dims.size(); ++d) dims[d] += 2;
  std::vector<double> values(static_cast<std::size_t>(element_count(dims)), 0);
  for (std::int64_t i = 0; i < w.count(); ++i) {
    std::int64_t rest = i, to = 0, stride = 1;
    for (std::size_t d = dims.size(); d-- > 0;) {
      to += (rest % w.dims()[d] + (d >= 2 ? 1 : 0)) * stride;
      rest /= w.dims()[d];
      stride *= dims[d];
    }
    values[static_cast<std::size_t>(choices.bent_index(to, element_count(dims)))] = w.real_at(i);
  }
  return Tensor::of(w.dtype(), dims, values);
}

std::vector<ValueId> write(Rewriting& r, const Site& s) {
  const std::size_t axes = s.weight.dims().size() - 2;
  const Tensor w = rimmed(s.weight, r.choices());
  std::vector<std::int64_t> pads = pads_of(s.old, axes + 2);
  const auto dilations = s.old.ints_or("dilations", std::vector<std::int64_t>(axes, 1));
  for (std::size_t i = 0; i < pads.size(); ++i) pads[i] += dilations[i % axes];
  Node wide = s.old;
  wide.attributes = with_pads(s.old, pads);
  wide.set("kernel_shape", std::vector<std::int64_t>(w.dims().begin() + 2, w.dims().end()));
  std::vector<ValueId> inputs = s.old.inputs;
  inputs[1] = r.leaf(w);
  return {r.op("Conv", std::move(inputs), wide.attributes)};
}

std::optional<Promise> change(Case& c, const Facts& f, Choices& choices) {
  return rewrite(c, f, choices, match, write);
}

}  // namespace

extern const Mutator enlarge_kernel;
const Mutator enlarge_kernel{.name = "enlarge-kernel",
                             .aims_at = "kernels of another size, of which only the middle counts",
                             .family = MutatorFamily::kRewrite,
                             .apply = kept<change>};

}  // namespace mob::mutators
