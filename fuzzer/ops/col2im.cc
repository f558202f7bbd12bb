// Col2Im: blocks of columns laid over an image, where they overlap added up.
#include "fuzzer/ops/windows.h"

namespace mob::ops {
namespace {

struct Plan {
  Windows windows;  // from the image's pixels to the blocks
  std::int64_t batch = 0, channels = 0;
};

Plan plan(const Inference& inf) {
  Plan p;
  Windows& w = p.windows;
  w.in = vector_input(inf, 1);
  w.kernel = vector_input(inf, 2);
  const std::size_t n = w.in.size();
  if (n == 0 || w.kernel.size() != n) throw InvalidNode("the block does not fit the image");
  for (std::size_t d = 0; d < n; ++d)
    if (w.in[d] < 1 || w.kernel[d] < 1 || w.in[d] > kMaxExtent || w.kernel[d] > kMaxExtent)
      throw InvalidNode("a size of image or block is out of range");
  w.strides = spatial_attribute(inf, "strides", n, 1, 1);
  w.dilations = spatial_attribute(inf, "dilations", n, 1, 1);
  const Dims pads = spatial_attribute(inf, "pads", 2 * n, 0, 0);
  w.begin.assign(pads.begin(), pads.begin() + static_cast<std::ptrdiff_t>(n));
  w.end.assign(pads.begin() + static_cast<std::ptrdiff_t>(n), pads.end());
  for (std::size_t d = 0; d < n; ++d) {
    if (w.kernel[d] > kMaxExtent / w.dilations[d]) throw InvalidNode("the dilated block is too large");
    const std::int64_t room = w.in[d] + w.begin[d] + w.end[d] - w.span(d);
    if (room < 0) throw InvalidNode("the block is larger than the padded image");
    w.out.push_back(room / w.strides[d] + 1);
  }
  check_table(w);
  for (std::size_t d = 0; d < n; ++d) {
    auto& table = w.coordinates.emplace_back();
    for (std::int64_t o = 0; o < w.out[d]; ++o)
      for (std::int64_t k = 0; k < w.kernel[d]; ++k) {
        const std::int64_t at = o * w.strides[d] - w.begin[d] + k * w.dilations[d];
        table.push_back(at >= 0 && at < w.in[d] ? at : -1);
      }
  }
  const Dims& x = inf.dims(0);
  const std::int64_t block = element_count(w.kernel);
  if (x.size() != 3 || x[1] % block != 0 || x[2] != element_count(w.out))
    throw InvalidNode("the columns do not fit image and block");
  p.batch = x[0];
  p.channels = x[1] / block;
  return p;
}

void infer(Inference& inf) {
  const Plan p = plan(inf);
  const DType t = inf.type(0).dtype;
  if (!is_int(t) && !kFloats.has(t)) throw Unsupported("Col2Im of what does not add up");
  Dims dims = {p.batch, p.channels};
  dims.insert(dims.end(), p.windows.in.begin(), p.windows.in.end());
  if (p.batch * p.channels > kMaxExtent / element_count(p.windows.in))
    throw Unsupported("the image is too large");
  inf.set_output(0, {t, dims});
}

// Calls f(element of the input, element of the output).
template <class F>
void for_each_term(const Plan& p, F f) {
  const std::int64_t pixels = element_count(p.windows.in), blocks = element_count(p.windows.out);
  const std::int64_t block = element_count(p.windows.kernel);
  for (std::int64_t plane = 0; plane < p.batch * p.channels; ++plane)
    for_each_tap(p.windows, [&](std::int64_t o, std::int64_t k, std::int64_t i) {
      f(static_cast<std::size_t>((plane * block + k) * blocks + o),
        static_cast<std::size_t>(plane * pixels + i));
    });
}

void evaluate(Evaluation& ev) {
  const Plan p = plan(ev);
  if (ev.output().holds_ints()) {
    const Ints& x = ev.input_ints(0);
    Ints& y = ev.out_ints();
    const DType t = ev.output().type.dtype;
    for_each_term(p, [&](std::size_t from, std::size_t to) {
      const auto sum = static_cast<std::uint64_t>(y.v[to]) + static_cast<std::uint64_t>(x.v[from]);
      y.v[to] = wrap(t, static_cast<std::int64_t>(sum));
      if (x.bound(from) != 0) y.set_bound(to, Ints::kOpen);
    });
    return;
  }
  with_reals(ev.output().type.dtype, [&](auto zero) {
    using R = decltype(zero);
    const auto& x = ev.reals<R>(0);
    auto& y = ev.out_reals<R>();
    const auto rounding = ev.rounding<R>();
    std::vector<Sum<R>> sums(y.v.size());
    for_each_term(p, [&](std::size_t from, std::size_t to) { sums[to].add(x[from]); });
    for (std::size_t i = 0; i < sums.size(); ++i) y.set(i, sums[i].result(rounding));
  });
}

bool draft(Draft& d) {
  Rng& rng = d.rng();
  const auto n = static_cast<std::size_t>(rng.chance(0.8) ? 2 : 3);
  Dims image, block, strides, dilations, begin, end;
  std::int64_t blocks = 1;
  const bool strided = rng.chance(0.4), dilated = rng.chance(0.3), padded = rng.chance(0.4);
  for (std::size_t i = 0; i < n; ++i) {
    image.push_back(rng.range(1, 6));
    block.push_back(rng.range(1, std::min<std::int64_t>(image[i], 3)));
    strides.push_back(strided ? rng.range(1, 3) : 1);
    dilations.push_back(dilated && (block[i] - 1) * 2 < image[i] ? 2 : 1);
    begin.push_back(padded ? rng.range(0, 2) : 0);
    end.push_back(padded ? rng.range(0, 2) : 0);
    const std::int64_t span = (block[i] - 1) * dilations[i] + 1;
    blocks *= (image[i] + begin[i] + end[i] - span) / strides[i] + 1;
  }
  const Dims dims = {rng.range(1, 3), rng.range(1, 3) * element_count(block), blocks};
  d.input({.types = drawable(d, "T", kNumbers), .dims = dims});
  d.input(Tensor::ints(image));
  d.input(Tensor::ints(block));
  if (strided || rng.chance(0.3)) d.attribute("strides", strides);
  if (dilated || rng.chance(0.3)) d.attribute("dilations", dilations);
  begin.insert(begin.end(), end.begin(), end.end());
  if (padded || rng.chance(0.3)) d.attribute("pads", begin);
  return true;
}

constexpr OpSpec specs[] = {
    {.name = "Col2Im", .since = 18, .draft = draft, .infer = infer, .evaluate = evaluate}};

}  // namespace

namespace family {
extern constinit const Family col2im = specs;
}

}  // namespace mob::ops
