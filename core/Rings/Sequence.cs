namespace LowLatency.Core.Rings;

/// <summary>How far the producer or one consumer of a <see cref="BroadcastRing{TEvent, TWait}"/> has come. One writer.</summary>
internal sealed class Sequence
{
    /// <summary>Before the first event, which has sequence 0.</summary>
    internal const long Initial = -1;

    private PaddedPosition _value = new(Initial);

    /// <summary>The writer's own thread.</summary>
    internal long Read() => _value.Read();

    /// <summary>Any thread. Pairs with <see cref="WriteRelease"/>.</summary>
    internal long ReadAcquire() => _value.ReadAcquire();

    /// <summary>The writer's thread, after it is done with the events up to <paramref name="value"/>.</summary>
    internal void WriteRelease(long value) => _value.WriteRelease(value);
}
