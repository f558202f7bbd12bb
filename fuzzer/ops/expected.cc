#include "fuzzer/ops/expected.h"

#include <cstring>

#include "fuzzer/base/check.h"

namespace mob {

Expected::Expected(ArrayType t) : type(std::move(t)) {
  const auto n = static_cast<std::size_t>(type.count());
  if (type.dtype == DType::kString) {
    data.emplace<Strings>(n);
  } else if (type.dtype == DType::kDouble) {
    data.emplace<Reals<long double>>().resize(n);
  } else if (is_float(type.dtype)) {
    data.emplace<Reals<double>>().resize(n);
  } else {
    if (!is_int(type.dtype) && type.dtype != DType::kBool)
      throw Unsupported("no reference for elements of type " + std::string(name(type.dtype)));
    data.emplace<Ints>().v.resize(n);
  }
}

std::size_t Expected::count() const {
  return std::visit(
      [](const auto& d) {
        if constexpr (requires { d.v; })
          return d.v.size();
        else
          return d.size();
      },
      data);
}

double Expected::value_at(std::size_t i) const {
  switch (data.index()) {
    case 0:
      return std::get<0>(data).v[i];
    case 1:
      return static_cast<double>(std::get<1>(data).v[i]);
    default: {
      const std::int64_t v = ints().v[i];
      return type.dtype == DType::kUint64 ? static_cast<double>(static_cast<std::uint64_t>(v))
                                          : static_cast<double>(v);
    }
  }
}

double Expected::bound_at(std::size_t i) const {
  switch (data.index()) {
    case 0:
      return std::get<0>(data).e[i];
    case 1:
      return static_cast<double>(std::get<1>(data).e[i]);
    default: {
      const std::int64_t b = ints().bound(i);
      if (b == Ints::kOpen || (b > 0 && type.dtype == DType::kBool)) return kInfinity<double>;
      return static_cast<double>(b);
    }
  }
}

bool Expected::open_at(std::size_t i) const {
  return data.index() != 3 && !(bound_at(i) < kInfinity<double>);
}

Expected exact(const Tensor& tensor) {
  Expected out(tensor.type());
  const auto n = out.count();
  const std::string_view raw = tensor.raw();
  switch (out.data.index()) {
    case 0: {
      auto& v = std::get<0>(out.data).v;
      if (tensor.dtype() == DType::kFloat) {
        for (std::size_t i = 0; i < n; ++i) {
          float f;
          std::memcpy(&f, raw.data() + 4 * i, 4);
          v[i] = f;
        }
      } else {
        for (std::size_t i = 0; i < n; ++i) v[i] = tensor.real_at(static_cast<std::int64_t>(i));
      }
      break;
    }
    case 1: {
      auto& v = std::get<1>(out.data).v;
      for (std::size_t i = 0; i < n; ++i) v[i] = tensor.real_at(static_cast<std::int64_t>(i));
      break;
    }
    case 2: {
      auto& v = out.ints().v;
      if (tensor.dtype() == DType::kInt64) {
        if (n > 0) std::memcpy(v.data(), raw.data(), 8 * n);
      } else {
        for (std::size_t i = 0; i < n; ++i) v[i] = tensor.int_at(static_cast<std::int64_t>(i));
      }
      if (tensor.dtype() == DType::kBool)
        for (auto& b : v) b = b != 0;
      break;
    }
    default:
      std::get<Strings>(out.data) = tensor.strings();
  }
  return out;
}

Tensor rounded(const Expected& expected) {
  if (const auto* s = std::get_if<Strings>(&expected.data)) return Tensor(expected.type.dims, *s);
  if (expected.holds_ints())
    return Tensor::of_ints(expected.type.dtype, expected.type.dims, expected.ints().v);
  std::vector<double> values(expected.count());
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = expected.value_at(i);
  return Tensor::of(expected.type.dtype, expected.type.dims, values);
}

}  // namespace mob
