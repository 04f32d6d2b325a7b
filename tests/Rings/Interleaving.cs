namespace LowLatency.Tests.Rings;

/// <summary>
/// Runs a few threads one at a time and, over many runs, in every order with at most so many preemptions. Each shared access
/// calls <see cref="Yield"/> first; there the schedule decides who goes on.
/// </summary>
/// <remarks>
/// Sequentially consistent: it finds wrong protocols, not missing fences. A schedule is the list of choices made; the next run repeats
/// it up to the last choice that has an alternative left. Switching at a thread's end is free, elsewhere it is a preemption.
/// </remarks>
internal sealed class Interleaving : IDisposable
{
    [ThreadStatic] private static Interleaving? _current;
    [ThreadStatic] private static int _selfIndex;

    private readonly List<(int Chosen, int Options)> _schedule = [];
    private readonly SemaphoreSlim[] _baton;
    private readonly SemaphoreSlim _done = new(0);
    private readonly Thread[] _threads;
    private readonly int _preemptionsMax;
    private readonly bool[] _finished;
    private Action[] _bodies = [];
    private Exception? _error;
    private int _step;
    private int _preemptions;
    private bool _closing;

    private Interleaving(int threads, int preemptionsMax)
    {
        _preemptionsMax = preemptionsMax;
        _finished = new bool[threads];
        _baton = new SemaphoreSlim[threads];
        _threads = new Thread[threads];
        for (int i = 0; i < threads; i++)
        {
            int self = i;
            _baton[i] = new SemaphoreSlim(0);
            _threads[i] = new Thread(() => Work(self)) { IsBackground = true };
            _threads[i].Start();
        }
    }

    /// <summary>Runs all schedules.</summary>
    /// <param name="threads">How many threads each scenario has.</param>
    /// <param name="preemptions">Most preemptions in one run.</param>
    /// <param name="scenario">Makes a fresh scenario: a body for each thread, and a check for after they have ended.</param>
    /// <returns>How many schedules there were.</returns>
    /// <exception cref="InvalidOperationException">A run failed; says at which schedule.</exception>
    internal static int ExploreAll(int threads, int preemptions, Func<(Action[] Bodies, Action Check)> scenario)
    {
        using var explorer = new Interleaving(threads, preemptions);
        int runs = 0;
        do
        {
            (Action[] bodies, Action check) = scenario();
            explorer.Run(bodies, check);
            runs++;
        }
        while (explorer.NextSchedule());
        return runs;
    }

    /// <summary>A place where another thread may go on. Does nothing outside an exploration.</summary>
    internal static void Yield() => _current?.Switch(_selfIndex, finished: false);

    private void Run(Action[] bodies, Action check)
    {
        _bodies = bodies;
        _step = 0;
        _preemptions = 0;
        Array.Clear(_finished);
        _baton[Choose(-1, mayStay: false)].Release();
        _done.Wait();
        try
        {
            if (_error == null)
                check();
        }
        catch (Exception error)
        {
            _error = error;
        }
        if (_error != null)
            throw new InvalidOperationException($"Schedule [{string.Join(' ', _schedule.ConvertAll(choice => choice.Chosen))}]: {_error.Message}", _error);
    }

    private bool NextSchedule()
    {
        while (_schedule.Count > 0)
        {
            (int chosen, int options) = _schedule[^1];
            _schedule.RemoveAt(_schedule.Count - 1);
            if (chosen + 1 < options)
            {
                _schedule.Add((chosen + 1, options));
                return true;
            }
        }
        return false;
    }

    private void Work(int self)
    {
        _current = this;
        _selfIndex = self;
        while (true)
        {
            _baton[self].Wait();
            if (_closing)
                return;
            try
            {
                _bodies[self]();
            }
            catch (Exception error)
            {
                _error ??= error;
            }
            Switch(self, finished: true);
        }
    }

    private void Switch(int self, bool finished)
    {
        _finished[self] = finished;
        int next = Choose(self, mayStay: !finished);
        if (next == self)
            return;
        if (next < 0)
            _done.Release();
        else
            _baton[next].Release();
        if (!finished)
            _baton[self].Wait();
    }

    // Option 0 is to stay where that is possible; the others are the threads that can go on, in order.
    private int Choose(int self, bool mayStay)
    {
        if (mayStay && _preemptions == _preemptionsMax)
            return self;
        int options = mayStay ? 1 : 0;
        for (int i = 0; i < _finished.Length; i++)
            options += i != self && !_finished[i] ? 1 : 0;
        if (options == 0)
            return -1;
        int chosen = 0;
        if (options > 1)
        {
            if (_step == _schedule.Count)
                _schedule.Add((0, options));
            chosen = _schedule[_step++].Chosen;
        }
        if (mayStay && chosen-- == 0)
            return self;
        if (mayStay)
            _preemptions++;
        for (int i = 0; ; i++)
        {
            if (i != self && !_finished[i] && chosen-- == 0)
                return i;
        }
    }

    public void Dispose()
    {
        _closing = true;
        for (int i = 0; i < _threads.Length; i++)
            _baton[i].Release();
        foreach (Thread thread in _threads)
            thread.Join();
        foreach (SemaphoreSlim baton in _baton)
            baton.Dispose();
        _done.Dispose();
    }
}
