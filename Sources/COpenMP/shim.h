// The entry points of GNU OpenMP that a compiler would emit for `#pragma omp parallel`, and the thread count:
// Swift loops run on the same pool as oneDNN's.
#pragma once
void GOMP_parallel(void (*body)(void *), void *data, unsigned threads, unsigned flags);
int omp_get_thread_num(void);
int omp_get_num_threads(void);
int omp_get_max_threads(void);
void omp_set_num_threads(int threads);
