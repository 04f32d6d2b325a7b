using System.Runtime.CompilerServices;
using LowLatency.Core.Journal;

namespace LowLatency.Core.Engine;

/// <summary>Reads messages where they lie in the logs. One for each thread that reads.</summary>
internal sealed unsafe class MessageReader : IDisposable
{
    private readonly ReaderSection _section;
    private readonly RecordLog? _durableLog;
    private readonly RecordLog _transientLog;

    internal MessageReader(ReaderSection section, RecordLog? durableLog, RecordLog transientLog)
    {
        _section = section;
        _durableLog = durableLog;
        _transientLog = transientLog;
    }

    /// <summary>Begins a duty cycle: what is found from here on stays mapped until <see cref="Exit"/>.</summary>
    internal void Enter() => _section.Enter();

    /// <summary>Ends a duty cycle. Before the thread parks, and often.</summary>
    internal void Exit() => _section.Exit();

    /// <summary>The message of a deliver event.</summary>
    /// <returns>False when it is gone: its queue or subscription ended since, and the delivery is void.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal bool TryRead(long position, out MessageView view)
    {
        byte* header = Find(position);
        if (header == null && !TryFollow(position, out header))
        {
            view = default;
            return false;
        }
        view = new MessageView(header + RecordLayout.HeaderLength, RecordLayout.BodyLength(header));
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private byte* Find(long position)
    {
        RecordLog? log = (position & RecordLog.TransientBit) != 0 ? _transientLog : _durableLog;
        return log == null ? null : log.Record(position);
    }

    // It was moved since: perhaps again while this looks.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool TryFollow(long position, out byte* header)
    {
        header = null;
        while (header == null && (_durableLog != null && _durableLog.Forwards.TryFind(position, out long target) || _transientLog.Forwards.TryFind(position, out target)))
        {
            header = Find(target);
            position = target;
        }
        return header != null;
    }

    public void Dispose() => _section.Dispose();
}
