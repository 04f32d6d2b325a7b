using LowLatency.Core.Routing;

namespace LowLatency.Core.Messages;

/// <summary>Reads the arguments of a declaration out of its table. Control plane: allocates.</summary>
/// <remarks>Each method leaves the value alone where the argument is absent, and says what is wrong with it, as a sentence that names it, or null.</remarks>
internal static class ArgumentReader
{
    internal static string? Integer(ReadOnlySpan<byte> table, ReadOnlySpan<byte> name, long min, long max, string unit, ref long value)
    {
        if (!FieldTableReader.TryFind(table, name, out FieldValue field))
            return null;
        if (!field.IsInteger)
            return Wrong(name, field, Allowed(min, max, unit));
        field.TryGetInteger(out long given);
        if (given < min || given > max)
            return Wrong(name, field, Allowed(min, max, unit));
        value = given;
        return null;
    }

    private static string Allowed(long min, long max, string unit) =>
        max == long.MaxValue ? $"an integer of {min} or more {unit} is allowed" : $"an integer from {min} to {max} {unit} is allowed";

    internal static string? Boolean(ReadOnlySpan<byte> table, ReadOnlySpan<byte> name, ref bool value)
    {
        if (!FieldTableReader.TryFind(table, name, out FieldValue field))
            return null;
        if (field.Type != FieldType.Boolean)
            return Wrong(name, field, "a boolean is allowed");
        value = field.Bytes[0] != 0;
        return null;
    }

    internal static string? Text(ReadOnlySpan<byte> table, ReadOnlySpan<byte> name, string allowed, ref byte[]? value)
    {
        if (!FieldTableReader.TryFind(table, name, out FieldValue field))
            return null;
        if (field.Type != FieldType.LongString || NameRules.ProblemOrEmpty("argument", field.Bytes) != null)
            return Wrong(name, field, $"{allowed}, is allowed: a string of at most {NameRules.MaxLength} bytes of UTF-8");
        value = field.Bytes.ToArray();
        return null;
    }

    internal static string Wrong(ReadOnlySpan<byte> name, FieldValue value, string allowed) =>
        $"Argument {NameRules.Text(name)} is {FieldText.Of(value)}: {allowed}.";
}
