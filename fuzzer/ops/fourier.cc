// DFT, STFT: discrete Fourier transforms.
#include <numbers>

#include "fuzzer/ops/kernels.h"

namespace mob::ops {
namespace {

bool is_complex(const Inference& inf, std::size_t i) {
  const std::int64_t last = inf.dims(i).empty() ? 0 : inf.dims(i).back();
  if (last != 1 && last != 2) throw InvalidNode("the last axis holds real numbers, or complex ones");
  return last == 2;
}

std::int64_t scalar_input(const Inference& inf, std::size_t i) {
  if (inf.rank(i) != 0) throw InvalidNode("input " + std::to_string(i) + " is a scalar");
  return inf.ints(i)[0];
}

// Larger ones cost too much as plain sums.
constexpr std::int64_t kLongest = 4096;

// One transform of `length` numbers, of which the missing ones are zero.
template <class R>
class Transform {
 public:
  Transform(std::int64_t length, bool inverse, const Rounding<R>& rounding)
      : n_(static_cast<std::size_t>(length)), inverse_(inverse), rounding_(rounding) {
    for (std::size_t k = 0; k < n_; ++k) {
      const R angle = 2 * std::numbers::pi_v<R> * static_cast<R>(k) / static_cast<R>(n_);
      cos_.push_back(std::cos(angle));
      sin_.push_back(inverse ? std::sin(angle) : -std::sin(angle));
      // Whole and half turns, and a quarter, come out as they are.
      if (4 * k % n_ != 0) continue;
      cos_[k] = std::nearbyint(cos_[k]);
      sin_[k] = std::nearbyint(sin_[k]);
    }
  }

  using Signal = std::vector<Approx<R>>;
  // Element k of the result. Plain sums and fast transforms round alike up to a factor of N; angles that
  // are multiplied up in the tensor's type are off by up to 2 pi k n / N of their u.
  std::pair<Approx<R>, Approx<R>> at(std::size_t k, const Signal& real, const Signal& imaginary) const {
    Approx<R> re, im;
    R magnitude = 0;
    for (std::size_t i = 0; i < n_; ++i) {
      const Approx<R> c = {cos_[k * i % n_], 0}, s = {sin_[k * i % n_], 0};
      re = re + real[i] * c - imaginary[i] * s;
      im = im + real[i] * s + imaginary[i] * c;
      magnitude += std::fabs(real[i].v) + real[i].e + std::fabs(imaginary[i].v) + imaginary[i].e;
    }
    // Nothing is rounded, but the sign of a zero is anyone's.
    if (n_ == 1) return {rounding_.add(re), rounding_.add(im)};
    const R off = (rounding_.gamma(static_cast<R>(2 * n_)) + 16 * rounding_.u()) * magnitude;
    const Approx<R> count = {inverse_ ? static_cast<R>(n_) : R(1), 0};
    const auto finish = [&](Approx<R> x) {
      if (x.finite() && !x.open()) x.e += off;
      // An infinity spreads over all elements, or meets a zero.
      if (!x.finite()) return open_value(x.v);
      // Nor does what overflows before it is divided come back.
      if (inverse_ && std::fabs(x.v) + x.e > rounding_.max_finite()) return open_value(x.v);
      return rounding_.add(x / count, 2);
    };
    return {finish(re), finish(im)};
  }

 private:
  std::size_t n_;
  bool inverse_;
  const Rounding<R>& rounding_;
  std::vector<R> cos_, sin_;
};

// --- DFT ---------------------------------------------------------------------------------------------

struct Plan {
  std::size_t axis = 0;
  std::int64_t length = 0;
  bool inverse = false, onesided = false, complex = false;
  Dims out;
};

Plan plan(const Inference& inf) {
  Plan p;
  p.inverse = inf.node().int_or("inverse", 0) != 0;
  p.onesided = inf.node().int_or("onesided", 0) != 0;
  p.complex = is_complex(inf, 0);
  const std::int64_t rank = inf.rank(0);
  if (rank < 2) throw InvalidNode("DFT takes a signal and an axis of parts");
  std::int64_t axis = inf.opset() < 20 ? inf.node().int_or("axis", 1) : -2;
  if (inf.opset() >= 20 && inf.has_input(2)) axis = scalar_input(inf, 2);
  p.axis = static_cast<std::size_t>(Inference::axis(axis, rank));
  if (static_cast<std::int64_t>(p.axis) == rank - 1)
    throw InvalidNode("the axis of DFT is that of the parts");
  if (p.onesided && p.complex != p.inverse)
    throw InvalidNode("a onesided DFT is of real numbers, its inverse of complex ones");
  p.out = inf.dims(0);
  const std::int64_t size = p.out[p.axis];
  p.length = inf.has_input(1) ? scalar_input(inf, 1) : p.onesided && p.inverse ? 2 * (size - 1) : size;
  if (p.length < 1) throw InvalidNode("a DFT of no length");
  if (p.length > kLongest) throw Unsupported("so long a DFT");
  // Whether bins are cut off before the other half is added or behind it.
  if (p.onesided && p.inverse && size != p.length / 2 + 1)
    throw Unsupported("a onesided inverse DFT of another number of bins");
  p.out[p.axis] = p.onesided && !p.inverse ? p.length / 2 + 1 : p.length;
  p.out.back() = p.onesided && p.inverse ? 1 : 2;
  return p;
}

void infer_dft(Inference& inf) {
  inf.set_output(0, {inf.type(0).dtype, plan(inf).out});
}

template <class R>
void dft(Evaluation& ev, const Plan& p) {
  const auto& x = ev.reals<R>(0);
  auto& y = ev.out_reals<R>();
  const auto rounding = ev.rounding<R>();
  const Dims& in = ev.dims(0);
  const auto length = static_cast<std::size_t>(p.length), parts = static_cast<std::size_t>(in.back());
  const auto out_parts = static_cast<std::size_t>(p.out.back());
  const auto size_in = static_cast<std::size_t>(in[p.axis]),
             size_out = static_cast<std::size_t>(p.out[p.axis]);
  const auto outer = static_cast<std::size_t>(product(in, 0, p.axis));
  const auto inner = static_cast<std::size_t>(product(in, p.axis + 1, in.size() - 1));
  const Transform<R> transform(p.length, p.inverse, rounding);
  typename Transform<R>::Signal real(length), imaginary(length);
  for (std::size_t o = 0; o < outer; ++o)
    for (std::size_t i = 0; i < inner; ++i) {
      const auto part = [&](std::size_t k, std::size_t which) {
        return k < size_in && which < parts ? x[((o * size_in + k) * inner + i) * parts + which]
                                            : Approx<R>{};
      };
      for (std::size_t k = 0; k < length; ++k) {
        real[k] = part(k, 0);
        imaginary[k] = part(k, 1);
        if (!p.onesided || !p.inverse) continue;
        // The other half is conjugate. What lies on the axis of symmetry is real.
        if (k > length / 2) real[k] = part(length - k, 0), imaginary[k] = -part(length - k, 1);
        if (2 * k % length == 0) imaginary[k] = {};
      }
      for (std::size_t k = 0; k < size_out; ++k) {
        const auto [re, im] = transform.at(k, real, imaginary);
        const std::size_t to = ((o * size_out + k) * inner + i) * out_parts;
        y.set(to, re);
        if (out_parts == 2) y.set(to + 1, im);
      }
    }
}

void evaluate_dft(Evaluation& ev) {
  const Plan p = plan(ev);
  with_reals(ev.output().type.dtype, [&](auto zero) { dft<decltype(zero)>(ev, p); });
}

// --- STFT --------------------------------------------------------------------------------------------

struct Frames {
  std::int64_t step = 1, length = 0, count = 0;
  bool onesided = true;
};

Frames frames(const Inference& inf) {
  Frames f;
  const bool complex = is_complex(inf, 0);
  if (inf.rank(0) != 3) throw InvalidNode("STFT takes [batch, length, 1 or 2]");
  f.onesided = inf.node().int_or("onesided", 1) != 0;
  if (f.onesided && complex) throw InvalidNode("a onesided STFT of complex numbers");
  f.step = scalar_input(inf, 1);
  if (inf.has_input(2) && inf.rank(2) != 1) throw InvalidNode("a window has one axis");
  const std::int64_t signal = inf.dims(0)[1];
  f.length = inf.has_input(3) ? scalar_input(inf, 3) : inf.has_input(2) ? inf.dims(2)[0] : signal;
  if (inf.has_input(2) && inf.dims(2)[0] != f.length) throw InvalidNode("the window does not fit the frame");
  if (f.step < 1 || f.length < 1 || f.length > signal) throw InvalidNode("no frame fits the signal");
  if (f.length > kLongest) throw Unsupported("so long a DFT");
  f.count = (signal - f.length) / f.step + 1;
  return f;
}

void infer_stft(Inference& inf) {
  const Frames f = frames(inf);
  const std::int64_t bins = f.onesided ? f.length / 2 + 1 : f.length;
  inf.set_output(0, {inf.type(0).dtype, {inf.dims(0)[0], f.count, bins, 2}});
}

template <class R>
void stft(Evaluation& ev, const Frames& f) {
  const auto& x = ev.reals<R>(0);
  const Reals<R>* window = ev.has_input(2) ? &ev.reals<R>(2) : nullptr;
  auto& y = ev.out_reals<R>();
  const auto rounding = ev.rounding<R>();
  const auto length = static_cast<std::size_t>(f.length), parts = static_cast<std::size_t>(ev.dims(0)[2]);
  const auto signal = static_cast<std::size_t>(ev.dims(0)[1]);
  const Transform<R> transform(f.length, false, rounding);
  typename Transform<R>::Signal real(length), imaginary(length);
  std::size_t to = 0;
  for (std::size_t b = 0; b < static_cast<std::size_t>(ev.dims(0)[0]); ++b)
    for (std::int64_t frame = 0; frame < f.count; ++frame) {
      for (std::size_t k = 0; k < length; ++k) {
        const std::size_t at = (b * signal + static_cast<std::size_t>(frame * f.step) + k) * parts;
        const auto weighed = [&](Approx<R> v) { return window ? rounding.add(v * (*window)[k]) : v; };
        real[k] = weighed(x[at]);
        imaginary[k] = parts == 2 ? weighed(x[at + 1]) : Approx<R>{};
      }
      for (std::size_t k = 0; k < static_cast<std::size_t>(ev.output().type.dims[2]); ++k) {
        const auto [re, im] = transform.at(k, real, imaginary);
        y.set(to++, re);
        y.set(to++, im);
      }
    }
}

void evaluate_stft(Evaluation& ev) {
  const Frames f = frames(ev);
  with_reals(ev.output().type.dtype, [&](auto zero) { stft<decltype(zero)>(ev, f); });
}

// --- drafting ----------------------------------------------------------------------------------------

// The type of all whole numbers among the inputs.
DType whole(Draft& d) {
  const auto types = drawable(d, "T2", {DType::kInt32, DType::kInt64}).list();
  if (types.empty()) throw CannotDraft{};
  return d.rng().pick(types);
}

bool draft_dft(Draft& d) {
  Rng& rng = d.rng();
  const double ways[] = {0.5, 0.2, 0.2, 0.1};  // plain, inverse, onesided, both
  const std::size_t way = rng.weighted(ways);
  const bool inverse = way == 1 || way == 3, onesided = way >= 2;
  Dims dims;
  for (std::int64_t rank = rng.range(1, 3); rank > 0; --rank) dims.push_back(kAny);
  // Runtimes count the first axis as that of a batch.
  dims.insert(dims.begin(), kAny);
  dims.back() = onesided ? (inverse ? 2 : 1) : rng.range(1, 2);
  const ArrayType x = d.input({.types = drawable(d, "T1", kFloats), .dims = dims});
  const auto rank = static_cast<std::int64_t>(x.rank());
  const bool since_20 = d.opset() >= 20;
  const std::int64_t axis = rng.range(rank > 2 ? 1 : 0, rank - 2),
                     said = rng.chance(0.3) ? axis - rank : axis;
  const std::int64_t size = x.dims[static_cast<std::size_t>(axis)];
  if (onesided && inverse && size < 2) return false;
  if (onesided && inverse && rng.chance(0.6))
    d.input(Tensor::scalar(whole(d), static_cast<double>(2 * (size - 1) + rng.range(0, 1))));
  else if (!(onesided && inverse) && rng.chance(0.4))
    d.input(Tensor::scalar(whole(d), static_cast<double>(rng.range(1, 2 * size))));
  else
    d.skip_input();
  if (since_20 && (axis != rank - 2 || rng.chance(0.4)))
    d.input(Tensor::scalar(DType::kInt64, static_cast<double>(said)));
  if (!since_20 && (axis != 1 || rng.chance(0.4))) d.attribute("axis", said);
  if (inverse || rng.chance(0.2)) d.attribute("inverse", std::int64_t{inverse});
  if (onesided || rng.chance(0.2)) d.attribute("onesided", std::int64_t{onesided});
  return true;
}

bool draft_stft(Draft& d) {
  Rng& rng = d.rng();
  const bool complex = rng.chance(0.3);
  const std::int64_t length = rng.range(1, 9), signal = length + rng.range(0, 8);
  const ArrayType x =
      d.input({.types = drawable(d, "T1", kFloats), .dims = Dims{kAny, signal, complex ? 2 : 1}});
  const DType t = whole(d);
  d.input(Tensor::scalar(t, static_cast<double>(rng.range(1, 4))));
  const bool with_window = rng.chance(0.6);
  if (with_window)
    d.input({.types = x.dtype, .dims = Dims{length}, .role = Role::kWeight, .range = {.low = 0, .high = 1}});
  else
    d.skip_input();
  if (!with_window || rng.chance(0.5)) d.input(Tensor::scalar(t, static_cast<double>(length)));
  // onnx's shape inference overlooks the default.
  d.attribute("onesided", std::int64_t{!complex && rng.chance(0.6)});
  return true;
}

constexpr OpSpec specs[] = {
    {.name = "DFT", .since = 17, .draft = draft_dft, .infer = infer_dft, .evaluate = evaluate_dft},
    {.name = "STFT", .since = 17, .draft = draft_stft, .infer = infer_stft, .evaluate = evaluate_stft},
};

}  // namespace

namespace family {
extern constinit const Family fourier = specs;
}

}  // namespace mob::ops
