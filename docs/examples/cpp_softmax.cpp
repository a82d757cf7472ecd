// Softmax and its gradient, row by row; built by cpp_softmax.py.
#include <algorithm>
#include <cmath>
#include <limits>

namespace {

template <typename Number>
void shares(Number* out, const Number* x, long classes) {
    Number top = -std::numeric_limits<Number>::infinity();
    for (long j = 0; j < classes; ++j) top = std::max(top, x[j]);
    Number total = 0;
    for (long j = 0; j < classes; ++j) total += out[j] = std::exp(x[j] - top);
    for (long j = 0; j < classes; ++j) out[j] /= total;
}

template <typename Number>
void forward(Number* out, const Number* x, long rows, long classes) {
    for (long i = 0; i < rows; ++i) shares(out + i * classes, x + i * classes, classes);
}

template <typename Number>
void backward(Number* out, const Number* x, const Number* c, long rows, long classes) {
    for (long i = 0; i < rows; ++i, out += classes, x += classes, c += classes) {
        shares(out, x, classes);
        Number inner = 0;
        for (long j = 0; j < classes; ++j) inner += out[j] * c[j];
        for (long j = 0; j < classes; ++j) out[j] *= c[j] - inner;
    }
}

}  // namespace

extern "C" {
void softmax_float32(float* out, const float* x, long rows, long classes) { forward(out, x, rows, classes); }
void softmax_float64(double* out, const double* x, long rows, long classes) { forward(out, x, rows, classes); }
void gradient_float32(float* out, const float* x, const float* c, long rows, long classes) {
    backward(out, x, c, rows, classes);
}
void gradient_float64(double* out, const double* x, const double* c, long rows, long classes) {
    backward(out, x, c, rows, classes);
}
}
