// The E-step of hidden Markov models: both passes and the expected statistics, fused.
//
// A group of sequences lies side by side as lanes, so that one vector holds the same step of several
// sequences. Time is cut into tiles, whose features and posteriors stay in the cache; they are computed
// anew where they are needed and never stored for all frames. The recursions are those of estep.py, the
// reference: Rabiner (1989, V A) with the largest density of each frame divided out before. Lanes in
// which scaling may fail are left out of the sums and marked.
//
// One source, compiled for each level of processors; it needs no header of Python. Vectors are an
// extension of GCC and Clang. No flag may reassociate sums, so that their order is the one written here.

#include <xmmintrin.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <type_traits>

// What Python passes: the same fields in the same order as in call.py. A column is one step of one
// lane; columns of a tile lie in order of time, then of lanes.
struct Problem {
  int64_t mode, n_restarts, n_states, n_components, n_features, n_lanes, n_groups;
  double tiny_scale, huge_backward, lowest;
  const int64_t *n_tiles;   // of each group
  const int64_t *n_steps;   // of each tile of a group
  const int64_t *is_whole;  // of each group: 1 where every column is observed
  const double *values;     // group, tile, component, column
  const double *mask;       // group, tile, column: 1 observed, -1 hidden, 0 past a sequence's end
  const double *startprob, *transmat, *weights;  // restart, state (, next state; , feature)
  double *log_likelihood, *start, *trans, *sums;  // of each restart; trans not yet times transmat
  int32_t *flagged;                               // restart, group, lane
  double *memory;                                 // as many numbers as memory_size returns
};

namespace {

#ifdef __AVX512F__
constexpr int BYTES = 64;  // 32 registers
#else
constexpr int BYTES = 32;  // 16 registers
#endif
typedef double Vector __attribute__((vector_size(BYTES), aligned(8), may_alias));
typedef uint64_t Bits __attribute__((vector_size(BYTES), aligned(8), may_alias));
constexpr int64_t WIDTH = BYTES / 8;
constexpr int64_t MOST_LANES = 16, MOST_RESTARTS = 64;
// Numbers of one panel of restarts that are processed together and share the features.
constexpr int64_t TOGETHER = 1 << 18;
// Rows and vectors whose products are accumulated in registers.
constexpr int ROWS = 4;
constexpr int VECTORS = BYTES == 64 ? 4 : 2;
// Features that are made at a time.
constexpr int64_t FEATURES = 8;

enum Mode : int64_t { LINEAR, SQUARES, PRODUCTS, SYMBOLS };

inline Vector load(const double *p) { return *reinterpret_cast<const Vector *>(p); }
inline void store(double *p, Vector x) { *reinterpret_cast<Vector *>(p) = x; }
inline Vector all(double x) { return x - Vector{}; }  // unlike x + 0, exact for -0 too
inline Vector larger(Vector x, Vector y) { return x > y ? x : y; }
inline Bits bits_of(Vector x) { return reinterpret_cast<const Bits &>(x); }
inline Vector vector_of(Bits x) { return reinterpret_cast<const Vector &>(x); }

inline double sum_of(Vector x) {
  typedef double Four __attribute__((vector_size(32), may_alias));
  typedef double Two __attribute__((vector_size(16), may_alias));
  Four four = reinterpret_cast<const Four *>(&x)[0];
  if (WIDTH == 8) four += reinterpret_cast<const Four *>(&x)[WIDTH / 8];
  const Two *halves = reinterpret_cast<const Two *>(&four), two = halves[0] + halves[1];
  return two[0] + two[1];
}

// exp of numbers from -708 to 709: 2^n exp(r) with |r| <= log(2) / 2 and a Taylor polynomial.
inline Vector exponential(Vector x) {
  constexpr double SHIFT = 6755399441055744.0;  // 1.5 * 2^52: what is added to it becomes an integer
  const Vector shifted = x * 1.4426950408889634 + SHIFT;
  const Vector n = shifted - SHIFT;
  const Vector r = (x - n * 6.93145751953125e-1) - n * 1.42860682030941723212e-6;
  constexpr double COEFFICIENTS[] = {1. / 39916800, 1. / 3628800, 1. / 362880, 1. / 40320,
                                     1. / 5040,     1. / 720,     1. / 120,    1. / 24,
                                     1. / 6,        .5,           1.,          1.};
  Vector p = all(1. / 479001600);
  for (double c : COEFFICIENTS) p = p * r + c;
  return p * vector_of((bits_of(shifted) - bits_of(all(SHIFT)) + 1023) << 52);
}

// A product of many numbers between 1e-30 and 1e30 on each lane, as mantissa and exponent.
struct LongProduct {
  Vector mantissa = all(1.);
  Bits exponent = Bits{};
  int64_t n = 0;

  void multiply(Vector x) {
    mantissa *= x;
    if (++n % 8 == 0) normalise();
  }
  void normalise() {
    exponent += (bits_of(mantissa) >> 52) - 1023;
    mantissa = vector_of((bits_of(mantissa) & 0xFFFFFFFFFFFFFu) | 0x3FF0000000000000u);
  }
  double log() {
    normalise();
    double total = 0;
    for (int64_t i = 0; i < WIDTH; i++)
      total += std::log(mantissa[i]) + double(int64_t(exponent[i])) * 0.6931471805599453;
    return total;
  }
};

// Call function(first row, number of rows) for blocks of rows, the number known to the compiler.
template <class Function>
inline void by_rows(int64_t n, Function function) {
  int64_t k = 0;
  for (; k + ROWS <= n; k += ROWS) function(k, std::integral_constant<int, ROWS>());
  if (n - k == 3) function(k, std::integral_constant<int, 3>());
  if (n - k == 2) function(k, std::integral_constant<int, 2>());
  if (n - k == 1) function(k, std::integral_constant<int, 1>());
}

// sum (N, V vectors) = constant of each row + matrix (N, width) data (width, V vectors)
template <int N, int V>
inline void product(const double *constant, const double *matrix, int64_t stride, int64_t width,
                    const double *data, int64_t data_stride, double *out, int64_t out_stride) {
  Vector sum[N][V];
  for (int k = 0; k < N; k++)
    for (int v = 0; v < V; v++) sum[k][v] = constant ? all(constant[k * stride]) : Vector{};
  for (int64_t j = 0; j < width; j++) {
    Vector x[V];
    for (int v = 0; v < V; v++) x[v] = load(data + j * data_stride + v * WIDTH);
    for (int k = 0; k < N; k++) {
      const Vector w = all(matrix[k * stride + j]);
      for (int v = 0; v < V; v++) sum[k][v] += w * x[v];
    }
  }
  for (int k = 0; k < N; k++)
    for (int v = 0; v < V; v++) store(out + k * out_stride + v * WIDTH, sum[k][v]);
}

// out (N, V vectors) = constant + sum_i x_i (linear_i + sum_j square_ij x_j), j from i to the end where
// there are products of components, and i alone where there are squares
template <int N, int V>
inline void quadratic_form(const double *weights, int64_t stride, int64_t n_components, bool products,
                           const double *x, int64_t x_stride, double *out) {
  Vector sum[N][V];
  for (int k = 0; k < N; k++)
    for (int v = 0; v < V; v++) sum[k][v] = all(weights[k * stride]);
  const double *linear = weights + 1, *square = linear + n_components;
  for (int64_t i = 0; i < n_components; i++) {
    Vector slope[N][V];
    for (int k = 0; k < N; k++)
      for (int v = 0; v < V; v++) slope[k][v] = all(linear[k * stride + i]);
    const int64_t end = products ? n_components : i + 1;
    for (int64_t j = i; j < end; j++, square++) {
      Vector y[V];
      for (int v = 0; v < V; v++) y[v] = load(x + j * x_stride + v * WIDTH);
      for (int k = 0; k < N; k++) {
        const Vector w = all(square[k * stride]);
        for (int v = 0; v < V; v++) slope[k][v] += w * y[v];
      }
    }
    for (int v = 0; v < V; v++) {
      const Vector y = load(x + i * x_stride + v * WIDTH);
      for (int k = 0; k < N; k++) sum[k][v] += y * slope[k][v];
    }
  }
  for (int k = 0; k < N; k++)
    for (int v = 0; v < V; v++) store(out + k * x_stride + v * WIDTH, sum[k][v]);
}

// Log densities (restart and state, column) of values (component, column), but for what is common to all states.
void scores(const Problem &p, const double *weights, int64_t n_rows, const double *x, double *out,
            int64_t n) {
  by_rows(n_rows, [=, &p](int64_t k, auto rows) {
    const double *w = weights + k * p.n_features;
    auto some = [&](int64_t q, auto vectors) {
      if (p.mode == LINEAR)
        product<rows(), vectors()>(w, w + 1, p.n_features, p.n_components, x + q, n, out + k * n + q, n);
      else
        quadratic_form<rows(), vectors()>(w, p.n_features, p.n_components, p.mode == PRODUCTS, x + q, n,
                                          out + k * n + q);
    };
    int64_t q = 0;
    for (; q + 2 * WIDTH <= n; q += 2 * WIDTH) some(q, std::integral_constant<int, 2>());
    for (; q < n; q += WIDTH) some(q, std::integral_constant<int, 1>());
  });
}

// out (state, lane) = matrix (state, state) data (state, lane) of one step
template <int V>
inline void propagate(const double *matrix, int64_t n_states, const double *data, int64_t stride,
                      double *out, int64_t out_stride) {
  constexpr int AT_ONCE = V < 2 ? V : 2;
  for (int64_t l = 0; l < V * WIDTH; l += AT_ONCE * WIDTH)
    by_rows(n_states, [=](int64_t k, auto rows) {
      product<rows(), AT_ONCE>(nullptr, matrix + k * n_states, n_states, n_states, data + l, stride,
                               out + k * out_stride + l, out_stride);
    });
}

// sums (N, M) += left (N, column) right (M, column)'
template <int N, int M>
inline void add_block(const double *left, const double *right, double *sums, int64_t stride,
                      int64_t n) {
  Vector sum[N][M];
  for (auto &row : sum)
    for (auto &x : row) x = Vector{};
  for (int64_t q = 0; q < n; q += WIDTH) {
    Vector x[N];
    for (int k = 0; k < N; k++) x[k] = load(left + k * n + q);
    for (int p = 0; p < M; p++) {
      const Vector y = load(right + p * n + q);
      for (int k = 0; k < N; k++) sum[k][p] += x[k] * y;
    }
  }
  for (int k = 0; k < N; k++)
    for (int p = 0; p < M; p++) sums[k * stride + p] += sum_of(sum[k][p]);
}

void add_products(const double *left, int64_t n_left, const double *right, int64_t n_right,
                  double *sums, int64_t stride, int64_t n) {
  by_rows(n_left, [=](int64_t k, auto rows) {
    const double *l = left + k * n;
    double *s = sums + k * stride;
    int64_t p = 0;
    for (; p + VECTORS <= n_right; p += VECTORS)
      add_block<rows(), VECTORS>(l, right + p * n, s + p, stride, n);
    for (; p < n_right; p++) add_block<rows(), 1>(l, right + p * n, s + p, stride, n);
  });
}

// Memory for one group of sequences and some restarts.
struct Space {
  double *density, *alpha;               // tile, restart, state, column
  double *mask;                          // tile, column
  double *features;                      // feature, column of one tile
  double *beta;                          // restart, state, column of one tile
  double *weighted, *before;             // state, column of one tile
  double *scale, *reciprocal;            // column of one tile
  double *ahead;                         // restart, state, lane
  double *highest;                       // restart, lane
  double *transposed;                    // restart, next state, state
  double *log_likelihood, *start, *trans, *sums;  // as in Problem, of this group
  LongProduct *products;                 // restart, vector of lanes
  int64_t n_restarts, n_sums;

  // Returns how many numbers it takes.
  int64_t lay_out(const Problem &p, double *first) {
    int64_t tile = 0, group = 0;
    for (int64_t g = 0; g < p.n_groups; g++) {
      const int64_t n = p.n_steps[g] * p.n_lanes;
      tile = n > tile ? n : tile;
      group = n * p.n_tiles[g] > group ? n * p.n_tiles[g] : group;
    }
    const int64_t k = p.n_states;
    n_restarts = TOGETHER / (k * group);
    n_restarts = n_restarts > p.n_restarts ? p.n_restarts : n_restarts;
    n_restarts = n_restarts > MOST_RESTARTS ? MOST_RESTARTS : n_restarts < 1 ? 1 : n_restarts;
    int64_t at = 0;
    auto take = [&](int64_t n) {
      double *here = first + at;
      at += (n + 7) / 8 * 8;
      return here;
    };
    const int64_t rows = n_restarts * k;
    density = take(rows * group), alpha = take(rows * group), mask = take(group);
    features = take(FEATURES * tile), beta = take(rows * tile);
    weighted = take(k * tile), before = take(k * tile);
    scale = take(tile), reciprocal = take(tile);
    ahead = take(rows * p.n_lanes), highest = take(n_restarts * p.n_lanes), transposed = take(rows * k);
    products = reinterpret_cast<LongProduct *>(
        take(n_restarts * MOST_LANES / WIDTH * sizeof(LongProduct) / sizeof(double)));
    n_sums = n_restarts * (1 + k + k * k + k * p.n_features);
    log_likelihood = take(n_sums);
    start = log_likelihood + n_restarts, trans = start + rows, sums = trans + rows * k;
    return at;
  }
};

// One group of sequences and some restarts.
struct Group {
  const Problem &p;
  Space &s;
  int64_t first, n_restarts;  // restarts
  const double *values, *mask;
  int64_t n_tiles, n;  // tiles and their columns
  bool whole;
  bool flagged[MOST_RESTARTS][MOST_LANES];

  // Add posteriors times features: all but the first, which is 1. Squares and products of values are
  // made for a few features at a time, so that they stay in the cache next to the processor.
  void add_features(const double *posteriors, const double *x) {
    const int64_t rows = n_restarts * p.n_states;
    auto add = [&](const double *features, int64_t count, int64_t feature) {
      add_products(posteriors, rows, features, count, s.sums + feature, p.n_features, n);
    };
    if (p.mode == SYMBOLS) {
      for (int64_t k = 0; k < rows; k++)
        for (int64_t q = 0; q < n; q++) s.sums[k * p.n_features + int64_t(x[q])] += posteriors[k * n + q];
      return;
    }
    for (int64_t k = 0; k < rows; k++) {
      Vector sum = Vector{};
      for (int64_t q = 0; q < n; q += WIDTH) sum += load(posteriors + k * n + q);
      s.sums[k * p.n_features] += sum_of(sum);
    }
    add(x, p.n_components, 1);
    if (p.mode == LINEAR) return;
    int64_t count = 0, feature = 1 + p.n_components;
    for (int64_t i = 0; i < p.n_components; i++) {
      const int64_t end = p.mode == PRODUCTS ? p.n_components : i + 1;
      for (int64_t j = i; j < end; j++) {
        double *row = s.features + count * n;
        for (int64_t q = 0; q < n; q += WIDTH) store(row + q, load(x + i * n + q) * load(x + j * n + q));
        if (++count < FEATURES) continue;
        add(s.features, count, feature);
        feature += count, count = 0;
      }
    }
    if (count) add(s.features, count, feature);
  }

  // Densities of one tile over the largest of each frame; adds logarithms of the latter.
  void densities(const double *x, const double *inside, double *out) {
    const double *weights = p.weights + first * p.n_states * p.n_features;
    if (p.mode == SYMBOLS) {
      for (int64_t k = 0; k < n_restarts * p.n_states; k++)
        for (int64_t q = 0; q < n; q++)
          out[k * n + q] = inside[q] != 0 ? weights[k * p.n_features + int64_t(x[q])] : 1.;
      return;
    }
    scores(p, weights, n_restarts * p.n_states, x, out, n);
    for (int64_t r = 0; r < n_restarts; r++, out += p.n_states * n) {
      Vector total = Vector{};
      for (int64_t q = 0; q < n; q += WIDTH) {
        Vector top = load(out + q);
        for (int64_t k = 1; k < p.n_states; k++) top = larger(load(out + k * n + q), top);
        const Vector seen = whole ? all(1.) : load(inside + q);
        total += seen > all(0.) ? top : all(0.);
        for (int64_t k = 0; k < p.n_states; k++) {
          double *here = out + k * n + q;
          const Vector density = exponential(larger(load(here) - top, all(p.lowest)));
          store(here, seen > all(0.) ? density : all(1.));
        }
      }
      s.log_likelihood[r] += sum_of(total);
    }
  }

  // p(state_t | y_1:t) of one tile and restart, and densities over the scale. Each step starts from
  // probabilities that do not add up to 1 yet: their sum is taken while the next product runs, and
  // divided out after. `last` is the last step of the tile before.
  template <int V>
  void forward(int64_t r, const double *last, const double *inside, double *a, double *b) {
    const double *startprob = p.startprob + (first + r) * p.n_states;
    const double *transposed = s.transposed + r * p.n_states * p.n_states;
    Vector reciprocal[V];
    for (int v = 0; v < V; v++) reciprocal[v] = all(1.);
    for (int64_t q = 0; q < n; q += V * WIDTH) {
      if (q == 0 && !last)
        for (int64_t k = 0; k < p.n_states; k++)
          for (int v = 0; v < V; v++) store(a + k * n + v * WIDTH, all(startprob[k]));
      else
        propagate<V>(transposed, p.n_states, q ? a + q - V * WIDTH : last, n, a + q, n);
      for (int v = 0; v < V; v++) {
        const int64_t at = q + v * WIDTH;
        Vector sum[2] = {Vector{}, Vector{}};
        for (int64_t k = 0; k < p.n_states; k++) {
          const Vector here = load(a + k * n + at) * (load(b + k * n + at) * reciprocal[v]);
          store(a + k * n + at, here);
          sum[k & 1] += here;
        }
        Vector scale = sum[0] + sum[1];
        if (!whole) scale = load(inside + at) != all(0.) ? scale : all(1.);
        store(s.scale + at, scale);
        reciprocal[v] = 1. / (scale >= all(p.tiny_scale) ? scale : all(1.));
        store(s.reciprocal + at, reciprocal[v]);
      }
    }
    for (int64_t k = 0; k < p.n_states; k++)
      for (int64_t q = 0; q < n; q += WIDTH) {
        const Vector by = load(s.reciprocal + q);
        store(a + k * n + q, load(a + k * n + q) * by);
        store(b + k * n + q, load(b + k * n + q) * by);
      }
    for (int64_t q = 0; q < n; q += V * WIDTH)
      for (int v = 0; v < V; v++) {
        const Vector scale = load(s.scale + q + v * WIDTH);
        s.products[r * V + v].multiply(scale);
        const auto bad = scale < all(p.tiny_scale);
        for (int64_t i = 0; i < WIDTH; i++) flagged[r][v * WIDTH + i] |= bool(bad[i]);
      }
  }

  // The backward variable of one tile and restart, which turns p(state_t | y_1:t) into
  // p(state_t | y_1:T), and sums over transitions.
  template <int V>
  void backward(int64_t r, const double *last, const double *inside, const double *a, const double *b) {
    const int64_t k_states = p.n_states;
    const double *transmat = p.transmat + (first + r) * k_states * k_states;
    double *beta = s.beta + r * k_states * n, *ahead = s.ahead + r * k_states * p.n_lanes;
    double *highest = s.highest + r * p.n_lanes;
    for (int64_t q = n - V * WIDTH; q >= 0; q -= V * WIDTH) {
      for (int v = 0; v < V; v++) {
        Vector top = load(highest + v * WIDTH);
        for (int64_t k = 0; k < k_states; k++) {
          const int64_t at = k * n + q + v * WIDTH;
          const Vector here = load(ahead + k * p.n_lanes + v * WIDTH);
          top = larger(here, top);
          store(beta + at, here);
          store(s.weighted + at, here * load(b + at));
        }
        store(highest + v * WIDTH, top);
      }
      propagate<V>(transmat, k_states, s.weighted + q, n, ahead, p.n_lanes);
      if (whole) continue;
      for (int v = 0; v < V; v++) {
        const auto past = load(inside + q + v * WIDTH) == all(0.);
        for (int64_t k = 0; k < k_states; k++) {
          double *here = ahead + k * p.n_lanes + v * WIDTH;
          store(here, past ? all(1.) : load(here));
        }
      }
    }
    if (!last)
      for (int64_t k = 0; k < k_states; k++)
        for (int64_t l = 0; l < p.n_lanes; l++)
          s.start[r * k_states + k] += inside[l] != 0 ? a[k * n + l] * beta[k * n + l] : 0.;
    for (int64_t k = 0; k < k_states; k++) {
      double *before = s.before + k * n, *gamma = beta + k * n;
      const size_t step = sizeof(double) * p.n_lanes;
      if (last)
        std::memcpy(before, last + k * n, step);
      else
        std::memset(before, 0, step);
      std::memcpy(before + p.n_lanes, a + k * n, sizeof(double) * n - step);
      for (int64_t q = 0; q < n; q += WIDTH) {
        Vector here = load(gamma + q) * load(a + k * n + q);
        if (!whole) {
          const Vector seen = load(inside + q);
          here = seen > all(0.) ? here : all(0.);
          store(before + q, seen != all(0.) ? load(before + q) : all(0.));
        }
        store(gamma + q, here);
      }
    }
    add_products(s.before, k_states, s.weighted, k_states, s.trans + r * k_states * k_states, k_states, n);
  }

  // Both passes and all sums, with V vectors of lanes.
  template <int V>
  void passes() {
    const int64_t k = p.n_states, panel = n_restarts * k * n;
    std::memset(s.log_likelihood, 0, sizeof(double) * s.n_sums);
    std::memset(flagged, 0, sizeof flagged);
    for (int64_t i = 0; i < n_restarts * V; i++) s.products[i] = LongProduct();
    for (int64_t i = 0; i < n_restarts * p.n_lanes; i++) s.highest[i] = 1;
    for (int64_t i = 0; i < n_restarts * k * p.n_lanes; i++) s.ahead[i] = 1;
    for (int64_t r = 0; r < n_restarts; r++)
      for (int64_t i = 0; i < k; i++)
        for (int64_t j = 0; j < k; j++)
          s.transposed[(r * k + j) * k + i] = p.transmat[((first + r) * k + i) * k + j];
    auto last = [&](int64_t tile, int64_t r) {
      return tile ? s.alpha + (tile - 1) * panel + r * k * n + n - p.n_lanes : nullptr;
    };
    for (int64_t tile = 0; tile < n_tiles; tile++) {
      double *b = s.density + tile * panel, *a = s.alpha + tile * panel;
      densities(values + tile * p.n_components * n, mask + tile * n, b);
      for (int64_t r = 0; r < n_restarts; r++)
        forward<V>(r, last(tile, r), mask + tile * n, a + r * k * n, b + r * k * n);
    }
    for (int64_t tile = n_tiles - 1; tile >= 0; tile--) {
      const double *b = s.density + tile * panel, *a = s.alpha + tile * panel;
      for (int64_t r = 0; r < n_restarts; r++)
        backward<V>(r, last(tile, r), mask + tile * n, a + r * k * n, b + r * k * n);
      add_features(s.beta, values + tile * p.n_components * n);
    }
    for (int64_t r = 0; r < n_restarts; r++) {
      for (int v = 0; v < V; v++) s.log_likelihood[r] += s.products[r * V + v].log();
      for (int64_t l = 0; l < p.n_lanes; l++)
        flagged[r][l] |= !(s.highest[r * p.n_lanes + l] <= p.huge_backward);
    }
  }

  void run() {
    if (p.n_lanes == 8)
      passes<8 / WIDTH>();
    else
      passes<16 / WIDTH>();
  }

  // Add the sums of restart r of this group to those of all groups.
  void add(int64_t r) {
    auto add = [r, this](double *to, const double *from, int64_t size) {
      for (int64_t i = 0; i < size; i++) to[(first + r) * size + i] += from[r * size + i];
    };
    const int64_t k = p.n_states;
    add(p.log_likelihood, s.log_likelihood, 1);
    add(p.start, s.start, k);
    add(p.trans, s.trans, k * k);
    add(p.sums, s.sums, k * p.n_features);
  }
};

// All restarts of one group; those with flagged lanes a second time, without these lanes.
void run_group(const Problem &p, Space &s, int64_t g, const double *values, const double *mask) {
  const int64_t n = p.n_steps[g] * p.n_lanes;
  for (int64_t first = 0; first < p.n_restarts; first += s.n_restarts) {
    const int64_t left = p.n_restarts - first, together = left < s.n_restarts ? left : s.n_restarts;
    Group group{p, s, first, together, values, mask, p.n_tiles[g], n, p.is_whole[g] != 0, {}};
    group.run();
    bool any[MOST_RESTARTS] = {};
    for (int64_t r = 0; r < together; r++) {
      int32_t *bad = p.flagged + ((first + r) * p.n_groups + g) * p.n_lanes;
      for (int64_t l = 0; l < p.n_lanes; l++) any[r] |= (bad[l] = group.flagged[r][l]);
      if (!any[r]) group.add(r);
    }
    for (int64_t r = 0; r < together; r++) {
      if (!any[r]) continue;
      const int32_t *bad = p.flagged + ((first + r) * p.n_groups + g) * p.n_lanes;
      for (int64_t q = 0; q < p.n_tiles[g] * n; q++) s.mask[q] = bad[q % p.n_lanes] ? 0. : mask[q];
      Group rest{p, s, first + r, 1, values, s.mask, p.n_tiles[g], n, false, {}};
      rest.run();
      rest.add(0);
    }
  }
}

}  // namespace

extern "C" int64_t interface_version() { return 2; }

extern "C" int64_t memory_size(const Problem *problem) {
  return Space().lay_out(*problem, nullptr);
}

extern "C" void expectation(const Problem *problem) {
  const Problem &p = *problem;
  Space space;
  space.lay_out(p, p.memory);
  // Subnormal numbers count as 0 here, and as before when this returns.
  const unsigned before = _mm_getcsr();
  _mm_setcsr(before | 0x8040);
  const double *values = p.values, *mask = p.mask;
  for (int64_t g = 0; g < p.n_groups; g++) {
    const int64_t n_columns = p.n_tiles[g] * p.n_steps[g] * p.n_lanes;
    run_group(p, space, g, values, mask);
    values += n_columns * p.n_components;
    mask += n_columns;
  }
  _mm_setcsr(before);
}
