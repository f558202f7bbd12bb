#include "fuzzer/ops/op_spec.h"

#include "fuzzer/base/check.h"

namespace mob {
namespace {

template <class R, class From>
void convert(const From& from, DType dtype, Reals<R>& to) {
  to.resize(from.v.size());
  for (std::size_t i = 0; i < from.v.size(); ++i) {
    if constexpr (std::is_same_v<From, Ints>) {
      to.v[i] = dtype == DType::kUint64 ? static_cast<R>(static_cast<std::uint64_t>(from.v[i]))
                                        : static_cast<R>(from.v[i]);
      const std::int64_t b = from.bound(i);
      to.e[i] = b == Ints::kOpen ? kInfinity<R> : static_cast<R>(b);
    } else {
      to.v[i] = static_cast<R>(from.v[i]);
      to.e[i] = static_cast<R>(from.e[i]);
    }
  }
}

}  // namespace

std::vector<std::int64_t> Inference::ints(std::size_t i) const {
  const Expected& x = input(i);
  if (!x.holds_ints()) throw InvalidNode("input " + std::to_string(i) + " must hold integers");
  for (std::int64_t b : x.ints().e)
    if (b != 0) throw Unsupported("an integer parameter depends on an undecided value");
  return x.ints().v;
}

std::vector<std::int64_t> Inference::ints_or(std::size_t i, std::string_view attribute,
                                             std::vector<std::int64_t> fallback) const {
  if (has_input(i)) return ints(i);
  return node_.ints_or(attribute, std::move(fallback));
}

std::int64_t Inference::axis(std::int64_t a, std::int64_t rank) {
  if (a < -rank || a >= rank)
    throw InvalidNode("axis " + std::to_string(a) + " is out of range for rank " + std::to_string(rank));
  return a < 0 ? a + rank : a;
}

void Evaluation::allocate() {
  outputs_.clear();
  outputs_.reserve(types_.size());
  for (std::size_t i = 0; i < types_.size(); ++i) {
    if (types_[i].dtype == DType::kUndefined)
      outputs_.emplace_back();  // an optional output that nobody asked for
    else
      outputs_.emplace_back(types_[i]);
  }
}

template <class R>
const Reals<R>& Evaluation::reals(std::size_t i) {
  const Expected& x = input(i);
  if (const auto* r = std::get_if<Reals<R>>(&x.data)) return *r;
  auto& pool = [this]() -> auto& {
    if constexpr (std::is_same_v<R, double>)
      return doubles_;
    else
      return long_doubles_;
  }
  ();
  auto& converted = pool.emplace_back();
  if (const auto* d = std::get_if<Reals<double>>(&x.data))
    convert(*d, x.type.dtype, converted);
  else if (const auto* l = std::get_if<Reals<long double>>(&x.data))
    convert(*l, x.type.dtype, converted);
  else if (const auto* n = std::get_if<Ints>(&x.data))
    convert(*n, x.type.dtype, converted);
  else
    throw InvalidNode("input " + std::to_string(i) + " holds strings, not numbers");
  return converted;
}
template const Reals<double>& Evaluation::reals<double>(std::size_t);
template const Reals<long double>& Evaluation::reals<long double>(std::size_t);

void Evaluation::draw_output(std::size_t i) {
  drew_random_ = true;
  std::visit(
      [](auto& d) {
        using D = std::decay_t<decltype(d)>;
        if constexpr (std::is_same_v<D, Ints>)
          d.e.assign(d.v.size(), Ints::kOpen);
        else if constexpr (!std::is_same_v<D, Strings>)
          std::fill(d.e.begin(), d.e.end(), std::numeric_limits<std::decay_t<decltype(d.e[0])>>::infinity());
      },
      outputs_[i].data);
}

void Evaluation::unspecified(std::string_view why, std::size_t elements) {
  unspecified_ += elements;
  if (unspecified_reason_.empty()) unspecified_reason_ = why;
}

}  // namespace mob
