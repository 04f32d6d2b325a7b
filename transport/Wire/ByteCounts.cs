namespace LowLatency.Transport.Wire;

/// <summary>How much compression spares.</summary>
/// <param name="Wire">Bytes on the wire.</param>
/// <param name="Frames">Bytes of the frames that they stand for.</param>
internal readonly record struct ByteCounts(long Wire, long Frames)
{
    /// <summary>As <c>wire/frames</c>.</summary>
    public override string ToString() => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{Wire}/{Frames}");

    internal ByteCounts Plus(int wire, int frames) => new(Wire + wire, Frames + frames);
}
