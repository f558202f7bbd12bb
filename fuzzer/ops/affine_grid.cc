// AffineGrid: the places that GridSample reads, from affine matrices.
#include "fuzzer/ops/kernels.h"

namespace mob::ops {
namespace {

// The spatial sizes of the grid.
Dims grid_size(const Inference& inf) {
  const auto size = vector_input(inf, 1);
  if (size.size() != 4 && size.size() != 5) throw InvalidNode("the size of a grid has 4 or 5 entries");
  const auto n = static_cast<std::int64_t>(size.size()) - 2;
  if (inf.rank(0) != 3 || inf.dims(0) != Dims{size[0], n, n + 1})
    throw InvalidNode("the matrices do not fit the size of the grid");
  const Dims spatial(size.begin() + 2, size.end());
  for (std::int64_t s : spatial)
    if (s < 0) throw InvalidNode("a negative size");
  return spatial;
}

void infer(Inference& inf) {
  Dims dims = grid_size(inf);
  const auto n = static_cast<std::int64_t>(dims.size());
  dims.insert(dims.begin(), inf.dims(0)[0]);
  dims.push_back(n);
  inf.set_output(0, {inf.type(0).dtype, dims});
}

// Positions evenly spaced from -1 to 1; a kernel may take four roundings to get there.
template <class R>
std::vector<Approx<R>> positions(std::int64_t size, bool align_corners, const Rounding<R>& rounding) {
  std::vector<Approx<R>> all;
  const auto n = static_cast<R>(size);
  for (std::int64_t i = 0; i < size; ++i) {
    const R twice = 2 * static_cast<R>(i);
    const Approx<R> p = {align_corners ? (twice - (n - 1)) / (n - 1) : (twice + 1 - n) / n, 4 * rounding.u()};
    all.push_back(align_corners && size == 1 ? open_value<R>() : p);
  }
  return all;
}

void evaluate(Evaluation& ev) {
  const Dims size = grid_size(ev);
  const bool align_corners = ev.node().int_or("align_corners", 0) != 0;
  const std::size_t n = size.size();
  with_reals(ev.output().type.dtype, [&](auto zero) {
    using R = decltype(zero);
    const auto& theta = ev.reals<R>(0);
    auto& y = ev.out_reals<R>();
    const auto rounding = ev.rounding<R>();
    std::vector<std::vector<Approx<R>>> axes;
    for (std::int64_t s : size) axes.push_back(positions(s, align_corners, rounding));
    std::size_t to = 0;
    for (std::size_t b = 0; b < static_cast<std::size_t>(ev.dims(0)[0]); ++b)
      for_each_index(size, [&](const Dims& index) {
        for (std::size_t row = 0; row < n; ++row, ++to) {
          const std::size_t at = (b * n + row) * (n + 1);
          Sum<R> sum;
          // x belongs to the innermost axis.
          for (std::size_t d = 0; d < n; ++d)
            sum.add_product(theta[at + n - 1 - d], axes[d][static_cast<std::size_t>(index[d])]);
          sum.add(theta[at + n]);
          y.set(to, rounding.add(sum.result(rounding, 1)));
        }
      });
    for (std::int64_t s : size)
      if (align_corners && s == 1) ev.unspecified("the one position between two corners", y.v.size());
  });
}

bool draft(Draft& d) {
  Rng& rng = d.rng();
  const auto types = drawable(d, "T1", kFloats).list();
  if (types.empty()) return false;
  const DType t = rng.pick(types);
  // Of one matrix, the operator's function squeezes the batch away too; few types have kernels of their own.
  const bool by_function = t != DType::kFloat && t != DType::kDouble;
  const std::int64_t n = rng.chance(0.6) ? 2 : 3, batch = rng.range(by_function ? 2 : 1, 3);
  d.input({.types = t, .dims = Dims{batch, n, n + 1}, .role = Role::kWeight});
  const bool align_corners = rng.chance(0.5);
  std::vector<std::int64_t> size = {batch, rng.range(1, 4)};
  for (std::int64_t i = 0; i < n; ++i) size.push_back(rng.range(align_corners ? 2 : 1, 6));
  d.input(Tensor::ints(size));
  if (align_corners || rng.chance(0.3)) d.attribute("align_corners", std::int64_t{align_corners});
  return true;
}

constexpr OpSpec specs[] = {
    {.name = "AffineGrid", .since = 20, .draft = draft, .infer = infer, .evaluate = evaluate}};

}  // namespace

namespace family {
extern constinit const Family affine_grid = specs;
}

}  // namespace mob::ops
