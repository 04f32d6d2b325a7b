using System.Runtime.CompilerServices;
using LowLatency.Core.Rings;

namespace LowLatency.Core.Journal;

/// <summary>Brackets the duty cycle of a thread that reads records in place. While inside, what it found stays mapped.</summary>
/// <remarks>
/// One thread enters and exits; the preparer watches. The counter is odd inside. Agreement that no memory is taken from a reader:
/// <code>
///  reader                            engine, then preparer
///  counter odd                       segment out of the table
///  full fence          (Enter)       full fence          (retire)
///  find segment in table             read counter
/// </code>
/// Either the reader misses the segment, or the preparer sees it inside and waits for the counter to move.
/// </remarks>
internal sealed class ReaderSection : IDisposable
{
    private readonly ReaderRegistry _registry;
    private PaddedPosition _counter;

    internal ReaderSection(ReaderRegistry registry) => _registry = registry;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Enter()
    {
        // An exchange: the counter must be seen before anything is looked up.
        _counter.Exchange(_counter.Read() + 1);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Exit()
    {
        // Release: what was read in the section was read before.
        _counter.WriteRelease(_counter.Read() + 1);
    }

    internal bool IsInside => (_counter.Read() & 1) != 0;

    internal long Counter => _counter.ReadAcquire();

    /// <summary>The thread reads no more. Any thread, once the reader is outside for good.</summary>
    public void Dispose() => _registry.Remove(this);
}
